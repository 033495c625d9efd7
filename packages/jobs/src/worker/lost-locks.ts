import { setTimeout as pause } from "node:timers/promises";
import { fetchingSessions } from "../graphile/fetching-sessions.ts";
import { locksOf, type JobLock } from "../graphile/job-locks.ts";
import type { GraphilePool } from "../graphile/pool.ts";
import type { Queryable } from "../database/queryable.ts";

export interface LostLocksOptions {
  readonly db: Queryable;
  readonly pool: () => Pick<GraphilePool, "id" | "holds">;
  /** Milliseconds between the first looks. */
  readonly everyMs: number;
  readonly stopSignal: AbortSignal;
  /** Called once, when the pool has locked jobs without knowing of them. */
  readonly onLost: () => void;
}

/**
 * Looks for jobs that a pool has locked without knowing of them, because the answer to a fetch was lost. Nothing would run them as
 * long as the pool lives.
 */
export interface LostLocks {
  /** Whether there may be such jobs. */
  readonly mayBeLost: boolean;
  /** A fetch begins. Call the returned function when its answer was read, or was lost. */
  beginFetch(): (isLost: boolean) => void;
  /** Looks no more. */
  end(): void;
}

const longestPauseMs = 60_000;
/** TCP sends what was not confirmed again and again, for a quarter of an hour or longer, and each time after twice the time. */
const longestWayMs = 20 * 60_000;

export function watchLostLocks({ db, pool, everyMs, stopSignal, onLost }: LostLocksOptions): LostLocks {
  const ending = new AbortController();
  const over = AbortSignal.any([stopSignal, ending.signal]);
  let lookNow = new AbortController();
  const fetches = new Set<Fetch>();
  const suspicion = createSuspicion();
  let lostAt: number | undefined;
  let pauseMs = everyMs;
  let isWatching = false;
  /** Sessions of lost fetches may be among these. */
  let mayLock: readonly string[] | undefined;

  const rest = async () => {
    lookNow = new AbortController();
    const signal = AbortSignal.any([over, lookNow.signal]);
    await pause(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  };

  /** @returns whether it is over: jobs were lost, or none can be any more. */
  const judge = (seen: Look, since: number): boolean => {
    mayLock = mayLock?.filter((session) => seen.fetching.includes(session)) ?? seen.fetching;
    const unknown = seen.locked.filter(({ jobId }) => !pool().holds(jobId)).map(({ lock }) => lock);
    if (suspicion.areLost(unknown, fetches)) {
      onLost();
      return true;
    }
    pauseMs = unknown.length > 0 ? everyMs : Math.min(longestPauseMs, 2 * pauseMs);
    if (unknown.length > 0 || mayLock.length > 0 || performance.now() - since <= longestWayMs) return false;
    [lostAt, isWatching] = [undefined, false];
    return true;
  };

  /** A fetch whose answer was lost may arrive late, or wait for a lock, and lock jobs after many looks. */
  const watch = async () => {
    for (;;) {
      await rest();
      if (over.aborted) return;
      // The database may not answer.
      const seen = await look(db, pool().id).catch(() => undefined);
      if (over.aborted || (seen && judge(seen, lostAt ?? 0))) return;
    }
  };

  const lost = () => {
    lostAt = performance.now();
    mayLock = undefined;
    if (pauseMs > everyMs) lookNow.abort();
    pauseMs = everyMs;
    if (!isWatching) void watch();
    isWatching = true;
  };

  return {
    get mayBeLost() {
      return lostAt !== undefined;
    },
    beginFetch() {
      const fetch = { beganAt: performance.now() };
      fetches.add(fetch);
      return (isLost) => {
        fetches.delete(fetch);
        if (isLost) lost();
      };
    },
    end: () => ending.abort(),
  };
}

interface Fetch {
  readonly beganAt: number;
}

/**
 * Jobs that the pool does not know of are lost if they are seen twice, under the same lock, and no answer that was due at the first
 * time is on its way. Under another lock it is a job that runs again and again.
 */
function createSuspicion() {
  let before: readonly string[] = [];
  let seenAt = 0;
  return {
    areLost(unknown: readonly string[], underWay: Iterable<Fetch>): boolean {
      if (unknown.some((lock) => before.includes(lock))) {
        return Array.from(underWay).every(({ beganAt }) => beganAt > seenAt);
      }
      [before, seenAt] = [unknown, performance.now()];
      return false;
    },
  };
}

interface Look {
  readonly fetching: readonly string[];
  readonly locked: readonly JobLock[];
}

/** In this order: the locks of a fetch that has ended meanwhile are seen. */
async function look(db: Queryable, poolId: string): Promise<Look> {
  const fetching = await fetchingSessions(db, poolId);
  return { fetching, locked: await locksOf(db, poolId) };
}
