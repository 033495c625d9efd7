import type { Pool } from "pg";
import { JobsError } from "../errors.ts";

/** Connections that workers and relays keep: to listen on, or in hand while they wait for another one. */
const keptBy = new WeakMap<Pool, number>();

/** What a worker or a relay needs of a pool. */
export interface PoolNeed {
  readonly pool: Pool;
  /** For as long as it runs, or while it waits for one of the others. */
  readonly kept: number;
  /** Now and then, at once. */
  readonly used: number;
}

/**
 * Keeps a place in the pools of what is started: a pool all of whose connections listen would leave everybody waiting for one.
 *
 * @returns lets the places go.
 * @throws {@link JobsError} `POOL_TOO_SMALL`, nothing is kept then.
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
    `This needs ${needed} connections of a pool that has ${max}, on ${listening} of which workers and relays listen. Give createJobs() a larger pool ("max"), or fewer workers one pool.`,
  );
}
