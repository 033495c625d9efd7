import { noteFailures, startAttempts, type FailedAttempt } from "../graphile/failure-notes.ts";
import { forceUnlock, jobsLockedBy, removeSuperseded, type AbandonedJob } from "../graphile/job-locks.ts";
import { settleFailures, unsettledJobIds } from "../graphile/settle-failures.ts";
import { JobsError } from "../errors.ts";
import type { Queryable } from "../database/queryable.ts";
import type { StoredHeartbeat } from "./grace.ts";
import { lockKeySql } from "./worker-registry.ts";

const firstBackoffMs = 1_000;
const longestBackoffMs = 60_000;
const sweepAfterMs = 1_000;

/**
 * The jobs of dead workers run again.
 *
 * Dead means both: the advisory lock of its session is free, and its heartbeat is old. A worker whose event loop is blocked has an old heartbeat,
 * but holds its lock. A heartbeat in the future is old, too: the server's clock has been set back. `-infinity` says the worker itself. Pools of plain
 * Graphile Worker have no row here.
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

/** Who may be dead. */
export interface Suspects {
  readonly ownPoolIds: readonly string[];
  /** `undefined` where only those count that have said so themselves, and those in `unchanged`. */
  readonly deadAfterMs: number | undefined;
  /** Signs of life that are too old, as far as they are still the last ones. */
  readonly unchanged: readonly StoredHeartbeat[];
}

/** Without a lock: most of the time there is none. */
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

/** Of all workers, whether or not they live. */
export async function readStoredHeartbeats(session: Queryable): Promise<StoredHeartbeat[]> {
  const { rows } = await session.query("select pool_id, heartbeat_at::text as heartbeat from acme_jobs.workers");
  return rows.map((row) => ({ poolId: String(row["pool_id"]), heartbeat: String(row["heartbeat"]) }));
}

/**
 * Where it is dead still: unlocks its jobs, notes the crash where nothing better is known, settles. Nobody else does so until the transaction ends.
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
  // A note that was left for this very attempt stands, and so does one of the attempt before that nobody has settled.
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
 * An attempt counts as used only where the code is known to have begun: a job that kills its worker must not take those
 * with it that were only locked beside it. Of a first lock nobody knows, so the first crash of a job is free.
 */
function crashOf({ trace, ...job }: AbandonedJob): FailedAttempt {
  const error = new JobsError("WORKER_DIED", "The worker died or lost the database during this attempt.");
  if (trace !== "started") {
    const attemptsUsed = job.attempt - 1;
    return { ...job, error, outcome: { kind: "retry", delayMs: 0, attemptsUsed }, isUnknown: trace === "unknown" };
  }
  // Ever later, or a job that ends its process would end all of them in a loop.
  const delayMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** (job.attempt - 1));
  return { ...job, error, outcome: { kind: "retry", delayMs, attemptsUsed: job.attempt } };
}

/** Settles what was left by a worker that died between the note and the settling. */
export async function sweepFailures(db: Queryable): Promise<void> {
  const jobIds = await unsettledJobIds(db, sweepAfterMs);
  if (jobIds.length > 0) await settleFailures(db, jobIds);
}
