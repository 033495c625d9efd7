/** Watches whether a pool of Graphile Worker still fetches jobs. */
export interface Progress {
  /** A fetch begins. Call the returned function when it has ended. */
  beginFetch(): (failure?: unknown) => void;
  /**
   * `silent`: the pool has room and should have fetched long ago. Trust it only the second time, because timers may be
   * late.
   */
  readonly state: "going on" | "held up" | "silent";
}

/** A fetch takes some milliseconds, or some tens of them in a large table. */
const longestFetchMs = 5_000;
const longestSilenceMs = 10_000;

export function createProgress(
  { pollIntervalMs, isBusy }: { readonly pollIntervalMs: number; readonly isBusy: () => boolean },
  now: () => number = () => performance.now(),
): Progress {
  // In the order in which they began.
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
      // A busy pool need not fetch. Its silence counts from the moment when it has room.
      if (isBusy()) lastAt = now();
      const [oldest] = fetches;
      if (oldest === undefined && now() - lastAt > pollIntervalMs + longestSilenceMs) return "silent";
      return hasFailed || now() - (oldest?.beganAt ?? now()) > longestFetchMs ? "held up" : "going on";
    },
  };
}
