/** How a pool of Graphile Worker gets on with asking for jobs. */
export interface Progress {
  /** It asks; call what this returns when that has ended. */
  beginFetch(): (failure?: unknown) => void;
  /** `silent`: it has room, and should have asked long ago. Counts only when said twice, since timers may be late. */
  readonly state: "going on" | "held up" | "silent";
}

/** A fetch takes milliseconds, and tens of them in a large table. */
const longestFetchMs = 5_000;
const longestSilenceMs = 10_000;

export function createProgress(
  { pollIntervalMs, isBusy }: { readonly pollIntervalMs: number; readonly isBusy: () => boolean },
  now: () => number = () => performance.now(),
): Progress {
  // In the order in which they have begun.
  const fetches = new Set<{ readonly beganAt: number }>();
  let hasFailed = false;
  let lastAt = now();

  return {
    beginFetch() {
      const fetch = { beganAt: now() };
      fetches.add(fetch);
      return (failure) => {
        fetches.delete(fetch);
        hasFailed = failure !== undefined;
        lastAt = now();
      };
    },
    get state() {
      // Whoever is busy need not ask; its silence counts from the moment it is not.
      if (isBusy()) lastAt = now();
      const [oldest] = fetches;
      if (oldest === undefined && now() - lastAt > pollIntervalMs + longestSilenceMs) return "silent";
      return hasFailed || now() - (oldest?.beganAt ?? now()) > longestFetchMs ? "held up" : "going on";
    },
  };
}
