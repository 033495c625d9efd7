import { describeError, stackOf } from "./describe-error.ts";
import type { Queryable } from "../database/queryable.ts";
import type { Origin } from "../job/origin.ts";
import type { Outcome } from "../task/outcome.ts";

/**
 * How the task's policy sets the delay of a retry with Graphile Worker's documented functions: note, throw, settle, sweep.
 *
 * While a job runs, its next run cannot be changed. So a note is written first, which says what is to happen. Then the error is
 * thrown, and Graphile Worker releases the job in its own way. Then one statement does what the note says, if the job is free
 * and the attempt is still the same. After a crash in between, a sweep settles the note. Until then, Graphile Worker's own delay
 * counts.
 */
export interface FailedAttempt {
  readonly jobId: string;
  readonly idempotencyKey: string;
  readonly task: string;
  /** How often Graphile Worker has locked the job. It counts each lock as an attempt, whether or not the code has begun. */
  readonly lockCount: number;
  /** The attempt as the task sees it: locks without a run are not counted. */
  readonly attempt: number;
  readonly outcome: Outcome;
  readonly error: unknown;
  /** How long the code ran, in whole milliseconds. Missing of an attempt whose end nobody has seen: the error is not its own. */
  readonly durationMs?: number;
  /** It is not known whether the code had begun, so this lock does not count. Of the next one it will be known. */
  readonly isUnknown?: boolean;
  /** For the log. */
  readonly id?: string | undefined;
  readonly origin?: Origin | undefined;
}

/**
 * These statements do not wait for the disk. A crash of the server may undo them, but nothing is lost. A note is written before
 * the release of its job, so it is on the disk when the release is, and it is written again before a release is repeated. A
 * sweep or the next run does the rest. The setting is local to the transaction of the one statement.
 */
export const withoutSync = "select set_config('synchronous_commit', 'off', true)";

/** Only the last three errors of a job keep their stacks: with the one that comes, the third from the end has to lose its own. */
const withoutOldStackSql = `case
        when jsonb_array_length(note.errors) < 3 then note.errors
        else note.errors #- array[(jsonb_array_length(note.errors) - 3)::text, 'stack']
      end`;

/**
 * A note of an earlier lock never replaces an open note of a later lock. A job that was replaced through its key keeps its row,
 * and its history begins anew. Times are those of the database. Only a used attempt enters the history, because a job may be put
 * off without end; and it enters once, because a note is repeated if its answer was lost.
 */
const noteSql = `
  with relaxed as materialized (${withoutSync})
  insert into acme_jobs.failures as note
    (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, errors, uncounted)
  select spec."jobId", spec."idempotencyKey", spec.task, spec."lockCount", spec.outcome, spec.reason,
    clock_timestamp() + spec."delayMs" * interval '1 millisecond', spec."nextAttempts",
    case when spec."countedAttempt" is null then '[]'::jsonb else jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
      'attempt', spec."countedAttempt", 'at', clock_timestamp(), 'name', spec."errorName", 'message', spec.reason,
      'durationMs', spec."durationMs", 'stack', spec.stack
    ))) end,
    spec.uncounted
  from relaxed cross join jsonb_to_recordset($1::jsonb) as spec (
    "jobId" bigint, "idempotencyKey" text, task text, "lockCount" int, outcome text, reason text, "delayMs" float8,
    "nextAttempts" int, "countedAttempt" int, "errorName" text, uncounted int,
    "durationMs" bigint, stack text
  )
  where $2::text is null or exists (
    select from graphile_worker._private_jobs as job where job.id = spec."jobId" and job.locked_by = $2
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
      else ${withoutOldStackSql} || excluded.errors
    end
  where note.is_settled
    or note.attempt <= excluded.attempt
    or note.idempotency_key <> excluded.idempotency_key`;

/**
 * All must be of different jobs: one statement cannot write a row twice.
 *
 * @param poolId - The pool that has run them. Those that were taken from it are left out: others say what happens with them.
 */
export async function noteFailures(db: Queryable, failed: readonly FailedAttempt[], poolId?: string): Promise<void> {
  await db.query(noteSql, [JSON.stringify(failed.map(toNote)), poolId ?? null]);
}

function toNote({ outcome, error, lockCount, attempt, isUnknown = false, ...failed }: FailedAttempt) {
  const isCounted = outcome.attemptsUsed >= attempt && !isUnknown;
  const { name, message } = describeError(error);
  const isOwnError = isCounted && failed.durationMs !== undefined;
  // A lock that does not count is taken off the lock count. If the next lock must not look like a first one, the lock stays in
  // that count, and is subtracted from the number of the attempt instead.
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
    durationMs: failed.durationMs,
    stack: isOwnError ? stackOf(error) : undefined,
  };
}

/** The history of a dead letter that has become a job again. */
export interface EarlierErrors extends Pick<FailedAttempt, "jobId" | "idempotencyKey" | "task"> {
  readonly reason: string;
  readonly errors: readonly object[];
}

/** Limited, because a dead letter may be retried without end. */
export const mostEarlierErrors = 100;

/** Keeps the history for the job's next failure, in a settled note without an attempt, which changes nothing. */
export async function keepErrors(db: Queryable, { errors, ...earlier }: EarlierErrors): Promise<void> {
  const kept = errors.slice(-mostEarlierErrors).map((error) => ({ ...error, isBeforeRetry: true }));
  await db.query(
    `insert into acme_jobs.failures
       (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, is_settled, errors)
     values ($1, $2, $3, 0, 'retry', $4, now(), 0, true, $5) on conflict (job_id) do nothing`,
    [earlier.jobId, earlier.idempotencyKey, earlier.task, earlier.reason, JSON.stringify(kept)],
  );
}

/**
 * Removes the history of jobs that have succeeded after all. A job that was taken from its worker before it ended is still there:
 * its history is that of those who run it now.
 */
export async function forgetFailures(db: Queryable, jobIds: readonly string[]): Promise<void> {
  await db.query(
    `with relaxed as materialized (${withoutSync})
     delete from acme_jobs.failures as note using relaxed where note.job_id = any($1::bigint[])
       and not exists (select from graphile_worker._private_jobs as job where job.id = note.job_id)`,
    [jobIds],
  );
}

const forgottenAtOnce = 1_000;
const mostRounds = 100;

/**
 * Removes notes of jobs that are gone, a limited number at a time. A job that was put off and then succeeded may leave
 * one.
 */
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
