import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pg";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { forgetGoneFailures } from "../graphile/failure-notes.ts";
import { freeDesertedQueues } from "../graphile/job-locks.ts";
import { readStoredHeartbeats } from "../worker/recover-dead-workers.ts";
import { recoverOne } from "../worker/recovery.ts";
import { readWorkers } from "../worker/registered-workers.ts";
import type { Target } from "./check.ts";
import { checkGoneFailures, checkLocks, checkQueues } from "./lock-checks.ts";
import type { Finding } from "./finding.ts";

/** What `fix` does about a finding. Each does what a living worker does by itself. */
export interface Mender {
  /** @returns how much was mended, if that is known. */
  readonly run: (target: Target, options: MendOptions) => Promise<number | void>;
  /** Looks again. */
  readonly find: (target: Target) => Promise<readonly Finding[]>;
}

export interface MendOptions {
  /** How long heartbeats are watched before a worker counts as dead. In milliseconds. */
  readonly watchMs: number;
}

/** Whoever asks for less wants to see more, not to take jobs from workers that are about to connect again. */
const shortestDeathMs = 60_000;
/** A deletion or an update of many rows takes its time. */
const longestMendMs = 60_000;

export const menders: ReadonlyMap<string, Mender> = new Map([
  ["LOCKS_OF_DEAD_WORKERS", { run: recoverDeadWorkers, find: checkLocks }],
  ["QUEUES_ORPHANED", { run: ({ pool }) => freeDesertedQueues(slowly(pool)), find: checkQueues }],
  ["FAILURES_OF_GONE_JOBS", { run: ({ pool }) => forgetGoneFailures(slowly(pool)), find: checkGoneFailures }],
]);

const slowly = (pool: Pool) => withQueryTimeout(pool, longestMendMs);

/**
 * Watches for a while first. After an outage all heartbeats are old, and the locks of all workers are free, though the workers
 * live: they are about to connect again.
 */
async function recoverDeadWorkers({ db, pool, thresholds }: Target, { watchMs }: MendOptions): Promise<number> {
  const stored = await readStoredHeartbeats(db);
  await pause(watchMs);
  const workers = await readWorkers(db, Math.max(shortestDeathMs, thresholds.deadWorkerMs));
  const dead = new Set(workers.filter(({ isAlive }) => !isAlive).map(({ poolId }) => poolId));
  const unchanged = stored.filter(({ poolId }) => dead.has(poolId));
  const suspects = { ownPoolIds: [], deadAfterMs: undefined, unchanged };
  let jobCount = 0;
  for (const { poolId } of unchanged) jobCount += await recoverOne(pool, suspects, poolId);
  return jobCount;
}
