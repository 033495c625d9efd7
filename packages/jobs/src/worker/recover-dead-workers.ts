import { noteFailures, type FailedAttempt } from "../graphile/failure-notes.ts";
import { forceUnlock, jobsLockedBy, removeSuperseded, type AbandonedJob } from "../graphile/job-locks.ts";
import { settleFailures, unsettledJobIds } from "../graphile/settle-failures.ts";
import { JobsError } from "../errors.ts";
import { startAttempts } from "../graphile/start-attempts.ts";
import type { Queryable } from "../database/queryable.ts";
import type { StoredHeartbeat } from "./grace.ts";
import { lockKeySql } from "./worker-registry.ts";

const firstBackoffMs = 1_000;
const longestBackoffMs = 60_000;
const sweepAfterMs = 1_000;

/**
 * Makes the jobs of dead workers run again.
 *
 * A worker is dead if both are true: the advisory lock of its heartbeat connection is free, and its heartbeat is old. A
 * worker whose
 * event loop is blocked has an old heartbeat, but holds its lock. A heartbeat in the future counts as old, because the server's
 * clock was set back. A worker writes `-infinity` to declare a pool of its own dead. Pools of plain Graphile Workers have no row
 * here.
 */
const deadPoolsSql = (locking: string) => `
  with stale as materialized (
    select pool_id from acme_jobs.workers
    where pool_id <> all($1::text[]) and ($5::text is null or pool_id = $5) and (
      heartbeat_at = '-infinity' or
      heartbeat_at not between clock_timestamp() - $2::float8 * interval '1 millisecond'
        and clock_timestamp() + $2::float8 * interval '1 millisecond' or
      exists (
        select from unnest($3::text[], $4::text[]) as unchanged (id, heartbeat)
        where id = pool_id and heartbeat = heartbeat_at::text
      )
    )
    ${locking}
  )
  select pool_id from stale where pg_try_advisory_xact_lock(${lockKeySql("pool_id")})`;

/** Which pools may be dead. */
export interface Suspects {
  readonly ownPoolIds: readonly string[];
  /** `undefined` if only pools that were declared dead count, and those in `unchanged`. */
  readonly deadAfterMs: number | undefined;
  /** Heartbeats that are too old. A pool counts only if this is still its last heartbeat. */
  readonly unchanged: readonly StoredHeartbeat[];
}

/** Takes no row locks, because most of the time there are no dead pools. */
export function findDeadWorkers(db: Queryable, suspects: Suspects): Promise<string[]> {
  return deadAmong(db, suspects, null);
}

async function deadAmong(db: Queryable, suspects: Suspects, only: string | null): Promise<string[]> {
  const { ownPoolIds, deadAfterMs, unchanged } = suspects;
  const { rows } = await db.query(deadPoolsSql(only === null ? "" : "for update skip locked"), [
    ownPoolIds,
    deadAfterMs ?? null,
    unchanged.map(({ poolId }) => poolId),
    unchanged.map(({ heartbeat }) => heartbeat),
    only,
  ]);
  return rows.map((row) => String(row["pool_id"]));
}

/** The last heartbeats of all pools, whether they live or not. */
export async function readStoredHeartbeats(session: Queryable): Promise<StoredHeartbeat[]> {
  const { rows } = await session.query("select pool_id, heartbeat_at::text as heartbeat from acme_jobs.workers");
  return rows.map((row) => ({ poolId: String(row["pool_id"]), heartbeat: String(row["heartbeat"]) }));
}

/**
 * Recovers pools that are still dead: unlocks their jobs, notes the crash of attempts without a note, and settles the notes. The
 * locked rows keep other workers from doing the same until the transaction ends.
 *
 * @returns how many jobs can run again
 */
export async function recoverDeadWorker(transaction: Queryable, suspects: Suspects, poolId: string): Promise<number> {
  const deadPoolIds = await deadAmong(transaction, suspects, poolId);
  return deadPoolIds.length === 0 ? 0 : recoverJobsOf(transaction, deadPoolIds);
}

async function recoverJobsOf(session: Queryable, deadPoolIds: readonly string[]): Promise<number> {
  const jobs = await jobsLockedBy(session, deadPoolIds);
  await forceUnlock(session, deadPoolIds);
  const left = (...traces: AbandonedJob["trace"][]) => jobs.filter(({ trace }) => traces.includes(trace));
  await removeSuperseded(
    session,
    left("superseded").map(({ jobId }) => jobId),
  );
  // A note on this attempt stays, and so does an unsettled note on the attempt before.
  await startAttempts(session, left("noted"));
  await noteFailures(session, left("started", "waiting", "unknown").map(crashOf));
  await settleFailures(
    session,
    jobs.map(({ jobId }) => jobId),
  );
  await session.query("delete from acme_jobs.workers where pool_id = any($1::text[])", [deadPoolIds]);
  return jobs.length;
}

/**
 * An attempt counts as used only if the code is known to have begun: a job that kills its worker must not cost other locked jobs
 * an attempt. For the first lock of a job this is not recorded, so the first crash of a job is free.
 */
function crashOf({ trace, ...job }: AbandonedJob): FailedAttempt {
  const error = new JobsError("WORKER_DIED", "The worker died or lost the database during this attempt.");
  if (trace !== "started") {
    const attemptsUsed = job.attempt - 1;
    return { ...job, error, outcome: { kind: "retry", delayMs: 0, attemptsUsed }, isUnknown: trace === "unknown" };
  }
  // With growing delays: otherwise a job that kills its process would kill all workers in a loop.
  const delayMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** (job.attempt - 1));
  return { ...job, error, outcome: { kind: "retry", delayMs, attemptsUsed: job.attempt } };
}

/** Settles the notes of workers that died before they settled them. */
export async function sweepFailures(db: Queryable): Promise<void> {
  const jobIds = await unsettledJobIds(db, sweepAfterMs);
  if (jobIds.length > 0) await settleFailures(db, jobIds);
}
