import { isTrue } from "@acme/shared/is-true";
import { describeError } from "./describe-error.ts";
import type { Queryable } from "../database/queryable.ts";
import type { Outcome } from "../task/outcome.ts";

/**
 * A delay of one's own choosing, on Graphile Worker's documented functions: note, throw, settle, sweep.
 *
 * While a job runs, nothing can change when it runs next. So what is to happen is noted first; then the error is thrown
 * and Graphile Worker releases the job its own way; then one statement, guarded by the attempt and by the job being
 * free, does what the note says. A crash in between leaves the note to a sweep, or Graphile Worker's own delay.
 */
export interface FailedAttempt {
  readonly jobId: string;
  readonly idempotencyKey: string;
  readonly task: string;
  /** How often Graphile Worker has locked the job: it counts an attempt for each lock, whether or not the code has begun. */
  readonly lockCount: number;
  /** The attempt as the task knows it, locks without a run left out. */
  readonly attempt: number;
  readonly outcome: Outcome;
  readonly error: unknown;
  /** Nobody knows whether the code had begun: this lock counts for nothing, the next one will be known. */
  readonly isUnknown?: boolean;
}

/**
 * These statements do not wait for the disk. What a crash of the server undoes is made good: a note is on the disk once the
 * release of its job is, which comes after it, and is written again before a release is; the rest is done by a sweep or
 * the next run. A setting for the one transaction that the statement is.
 */
export const withoutSync = "select set_config('synchronous_commit', 'off', true)";

/**
 * A note of an earlier lock never replaces an open one of a later lock; a job that was replaced through its key keeps its
 * row, and begins anew. Times are the database's. Only what used an attempt enters the history, once: a job may be put off
 * without end, and a note is repeated when its answer was lost.
 */
const noteSql = `
  with relaxed as materialized (${withoutSync})
  insert into acme_jobs.failures as note
    (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, errors, uncounted)
  select spec."jobId", spec."idempotencyKey", spec.task, spec."lockCount", spec.outcome, spec.reason,
    clock_timestamp() + spec."delayMs" * interval '1 millisecond', spec."nextAttempts",
    case when spec."countedAttempt" is null then '[]'::jsonb else jsonb_build_array(jsonb_build_object(
      'attempt', spec."countedAttempt", 'at', clock_timestamp(), 'name', spec."errorName", 'message', spec.reason
    )) end,
    spec.uncounted
  from relaxed cross join jsonb_to_recordset($1::jsonb) as spec (
    "jobId" bigint, "idempotencyKey" text, task text, "lockCount" int, outcome text, reason text, "delayMs" float8,
    "nextAttempts" int, "countedAttempt" int, "errorName" text, uncounted int
  )
  order by spec."jobId"
  on conflict (job_id) do update set
    idempotency_key = excluded.idempotency_key, task = excluded.task, attempt = excluded.attempt,
    outcome = excluded.outcome, reason = excluded.reason, run_at = excluded.run_at,
    next_attempts = excluded.next_attempts, is_settled = false, started_attempt = null, updated_at = clock_timestamp(),
    uncounted = excluded.uncounted
      + case when note.idempotency_key = excluded.idempotency_key then note.uncounted else 0 end,
    errors = case
      when note.idempotency_key <> excluded.idempotency_key then excluded.errors
      when jsonb_path_exists(
        note.errors, '$[*] ? (@.attempt == $attempt && !exists(@.isBeforeRetry))',
        jsonb_build_object('attempt', excluded.errors -> 0 -> 'attempt')
      ) then note.errors
      else note.errors || excluded.errors
    end
  where note.is_settled
    or note.attempt <= excluded.attempt
    or note.idempotency_key <> excluded.idempotency_key`;

/** Each of another job: one statement cannot write a row twice. */
export async function noteFailures(db: Queryable, failed: readonly FailedAttempt[]): Promise<void> {
  await db.query(noteSql, [JSON.stringify(failed.map(toNote))]);
}

function toNote({ outcome, error, lockCount, attempt, isUnknown = false, ...failed }: FailedAttempt) {
  const isCounted = outcome.attemptsUsed >= attempt && !isUnknown;
  const { name, message } = describeError(error);
  // A lock that counts for nothing is given back, or, where the next one has to be told from a first one, left out of the count.
  const nextLockCount = isCounted || isUnknown ? lockCount : lockCount - 1;
  return {
    jobId: failed.jobId,
    idempotencyKey: failed.idempotencyKey,
    task: failed.task,
    lockCount,
    outcome: outcome.kind,
    reason: message,
    delayMs: outcome.kind === "retry" ? outcome.delayMs : 0,
    nextAttempts: outcome.kind === "dead" ? outcome.attemptsUsed : nextLockCount,
    countedAttempt: isCounted ? attempt : null,
    errorName: name,
    uncounted: isUnknown ? 1 : 0,
  };
}

/** The history of a dead letter that is a job again. */
export interface EarlierErrors extends Pick<FailedAttempt, "jobId" | "idempotencyKey" | "task"> {
  readonly reason: string;
  readonly errors: readonly object[];
}

/** A job may die and be retried without end. */
const mostEarlierErrors = 100;

/** Keeps them for the note of the job's next failure, as one that is settled and of no attempt: it decides nothing. */
export async function keepErrors(db: Queryable, { errors, ...earlier }: EarlierErrors): Promise<void> {
  const kept = errors.slice(-mostEarlierErrors).map((error) => ({ ...error, isBeforeRetry: true }));
  await db.query(
    `insert into acme_jobs.failures
       (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, is_settled, errors)
     values ($1, $2, $3, 0, 'retry', $4, now(), 0, true, $5) on conflict (job_id) do nothing`,
    [earlier.jobId, earlier.idempotencyKey, earlier.task, earlier.reason, JSON.stringify(kept)],
  );
}

export interface StartedAttempt {
  /** The attempt as the task knows it. */
  readonly attempt: number;
  /**
   * The job was taken before the note on its last attempt was settled (its worker died in between, or the database was
   * away for longer than Graphile Worker's own delay). It must not run early, or once more: the note is one of this lock
   * now, and is settled when the job is released.
   */
  readonly isTooEarly: boolean;
}

/** A run from the second lock of its job on. */
export type RepeatedRun = Pick<FailedAttempt, "jobId" | "idempotencyKey" | "lockCount">;

/** Remembers that the code of these runs begins, in case their worker dies; each of another job. */
export async function startAttempts(db: Queryable, runs: readonly RepeatedRun[]): Promise<StartedAttempt[]> {
  const { rows } = await db.query(
    `with relaxed as materialized (${withoutSync})
     update acme_jobs.failures as note set
       attempt = case when attempt = "lockCount" - 1 and not is_settled then "lockCount" else attempt end,
       started_attempt = case
         when attempt in ("lockCount" - 1, "lockCount") and not is_settled then started_attempt else "lockCount"
       end,
       updated_at = clock_timestamp()
     from relaxed cross join jsonb_to_recordset($1::jsonb) as run ("jobId" bigint, "lockCount" int, "idempotencyKey" text)
     where job_id = "jobId" and idempotency_key = "idempotencyKey"
     returning job_id::text, attempt = "lockCount" and not is_settled as is_too_early, uncounted`,
    [JSON.stringify(runs.map(({ jobId, lockCount, idempotencyKey }) => ({ jobId, lockCount, idempotencyKey })))],
  );
  const noted = new Map(rows.map((row) => [String(row["job_id"]), row]));
  return runs.map(({ jobId, lockCount }) => {
    const note = noted.get(jobId);
    return { attempt: lockCount - Number(note?.["uncounted"] ?? 0), isTooEarly: isTrue(note?.["is_too_early"]) };
  });
}

/** The jobs succeeded after all: their history goes with them. */
export async function forgetFailures(db: Queryable, jobIds: readonly string[]): Promise<void> {
  await db.query(
    `with relaxed as materialized (${withoutSync})
     delete from acme_jobs.failures using relaxed where job_id = any($1::bigint[])`,
    [jobIds],
  );
}

const forgottenAtOnce = 1_000;
const mostRounds = 100;

/** Removes notes of jobs that are gone, some at a time: each job that was put off and then succeeded at once has left one. */
export async function forgetGoneFailures(db: Queryable): Promise<void> {
  for (let round = 0; round < mostRounds; round++) {
    const { rows } = await db.query(`
      delete from acme_jobs.failures where job_id in (
        select note.job_id from acme_jobs.failures as note
        where note.updated_at < now() - interval '1 minute'
          and not exists (select 1 from graphile_worker.jobs as job where job.id = note.job_id)
        limit ${forgottenAtOnce}
      ) returning 1`);
    if (rows.length < forgottenAtOnce) return;
  }
}
