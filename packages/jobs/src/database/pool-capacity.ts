import type { Pool } from "pg";
import { JobsError } from "../errors.ts";

/** How many connections workers and relays keep: to listen on, or to hold while they wait for another one. */
const keptBy = new WeakMap<Pool, number>();

/** How many connections of a pool a worker or a relay needs. */
export interface PoolNeed {
  readonly pool: Pool;
  /** Kept as long as the worker or relay runs, or while it waits for one of the others. */
  readonly kept: number;
  /** The most that it uses at once now and then, besides the kept ones. */
  readonly used: number;
}

/**
 * Reserves the connections that a new worker or relay needs. If all connections of a pool were kept, every query would wait for
 * ever.
 *
 * @returns a function that frees the reservation.
 * @throws {@link JobsError} `POOL_TOO_SMALL`. Nothing is reserved then.
 */
export function keepRoom(needs: readonly PoolNeed[]): () => void {
  const sums = new Map<Pool, { kept: number; used: number }>();
  for (const { pool, kept, used } of needs) {
    const sum = sums.get(pool) ?? { kept: 0, used: 0 };
    sums.set(pool, { kept: sum.kept + kept, used: sum.used + used });
  }
  for (const [pool, { kept, used }] of sums) {
    const before = keptBy.get(pool) ?? 0;
    if (pool.options.max < before + kept + used) throw tooSmall(pool.options.max, before, kept + used);
  }
  const change = (sign: 1 | -1) => {
    for (const [pool, { kept }] of sums) keptBy.set(pool, (keptBy.get(pool) ?? 0) + sign * kept);
  };
  change(1);
  let isKept = true;
  return () => {
    if (isKept) change(-1);
    isKept = false;
  };
}

function tooSmall(max: number, listening: number, needed: number): JobsError {
  return new JobsError(
    "POOL_TOO_SMALL",
    `This worker or relay needs ${needed} connections. The pool has ${max}, and other workers and relays keep ${listening} of them. Give createJobs() a larger pool ("max"), or start fewer workers and relays on it.`,
  );
}
