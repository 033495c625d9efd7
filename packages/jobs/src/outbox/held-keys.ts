/** Rows with these keys are tried together, apart from all others. */
export interface KeyGroup {
  readonly keys: readonly string[];
  /** How often its only key could not be had. */
  readonly failureCount: number;
  readonly dueAt: number;
}

/** Keys whose rows a relay leaves for a while, since an open transaction may keep them from being added to the jobs. */
export interface HeldKeys {
  readonly keys: readonly string[];
  readonly groupCount: number;
  /** The next group to be tried, if there is one now: those in which nothing has been found yet come first. */
  due(): KeyGroup | undefined;
  /** Milliseconds until one is to be tried; `undefined` if there is none. */
  readonly dueInMs: number | undefined;
  /** One of these keys is held. It is looked for in ever smaller groups. */
  suspect(keys: readonly string[]): void;
  /** The group could not be had. A single key is left for a while, and longer each time. */
  leave(group: KeyGroup): void;
  /** Another relay has some of its keys: whether its rows can be moved is not known yet. */
  postpone(group: KeyGroup): void;
  /** Its rows can be moved. */
  release(group: KeyGroup): void;
}

const firstPauseMs = 250;
const longestPauseMs = 8_000;

export function createHeldKeys(now: () => number = () => performance.now()): HeldKeys {
  const groups = new Set<KeyGroup>();

  const split = (keys: readonly string[]) => {
    const half = Math.ceil(keys.length / 2);
    for (const part of [keys.slice(0, half), keys.slice(half)])
      if (part.length > 0) groups.add({ keys: part, failureCount: 0, dueAt: now() });
  };

  return {
    get keys() {
      return [...groups].flatMap(({ keys }) => keys);
    },
    get groupCount() {
      return groups.size;
    },
    due() {
      const time = now();
      let first: KeyGroup | undefined;
      for (const group of groups) {
        if (group.dueAt > time) continue;
        if (group.failureCount === 0) return group;
        if (first === undefined || group.dueAt < first.dueAt) first = group;
      }
      return first;
    },
    get dueInMs() {
      let dueAt = Infinity;
      for (const group of groups) dueAt = Math.min(dueAt, group.dueAt);
      return dueAt === Infinity ? undefined : Math.max(0, dueAt - now());
    },
    suspect: split,
    leave(group) {
      groups.delete(group);
      const { keys, failureCount } = group;
      if (keys.length > 1) return split(keys);
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** failureCount);
      groups.add({ keys, failureCount: failureCount + 1, dueAt: now() + pauseMs });
    },
    postpone(group) {
      groups.delete(group);
      groups.add({ ...group, dueAt: now() + firstPauseMs });
    },
    release: (group) => void groups.delete(group),
  };
}
