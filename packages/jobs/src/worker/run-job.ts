import { JobsError } from "../errors.ts";
import { createBatcher } from "./batcher.ts";
import { startAttempts, type FailedAttempt, type RepeatedRun, type StartedAttempt } from "../graphile/failure-notes.ts";
import { supersededFrom } from "../graphile/add-jobs.ts";
import { idempotencyKeyOf } from "../graphile/job-locks.ts";
import type { LockedJob } from "../graphile/pool.ts";
import type { Logger } from "../logger.ts";
import type { PerformableTask } from "../task/perform.ts";
import { isPromiseLike } from "../maybe-promise.ts";
import type { Queryable } from "../database/queryable.ts";
import { retryTransient } from "../database/database-errors.ts";
import { createAttempts } from "./attempt.ts";
import { decideOutcome, type Outcome } from "../task/outcome.ts";

/** Runs locked jobs: attempt, outcome, log. */
export interface JobRunner {
  readonly runningCount: number;
  /** Rejects once `intend` knows the error of the attempt and what is to happen. */
  run(job: LockedJob, intend: Intend, onEnd?: () => void): Promise<void>;
  /** Ends every attempt that runs, now and from now on, without using it up. */
  handBack(): void;
}

type Intend = (failed: FailedAttempt) => void | Promise<void>;

export function createJobRunner(
  { pool, logger, giveUp }: { readonly pool: Queryable; readonly logger: Logger; readonly giveUp: AbortSignal },
  tasks: ReadonlyMap<string, PerformableTask>,
): JobRunner {
  const attempts = createAttempts(logger);
  const start = createBatcher<RepeatedRun, StartedAttempt>((runs) => startAttempts(pool, runs));

  const idempotencyKeys = createBatcher<string, string>(async (jobIds) => {
    const installationId = await readInstallationId(pool);
    return jobIds.map((jobId) => idempotencyKeyOf(undefined, installationId, jobId));
  });

  // Asked anew each time: the database may be replaced under a worker that lives.
  const readIdempotencyKey = (jobId: string) => retryTransient(() => idempotencyKeys(jobId), giveUp);

  const startRepeated = async ({ jobId, lockCount }: LockedJob, idempotencyKey: string): Promise<number> => {
    const { attempt, isTooEarly } = await retryTransient(() => start({ jobId, lockCount, idempotencyKey }), giveUp);
    if (isTooEarly) throw takenTooEarly();
    return attempt;
  };

  return {
    get runningCount() {
      return attempts.runningCount;
    },
    // One function, and waiting only where there is something to wait for: this is what each job passes through.
    async run(job, intend, onEnd) {
      const { task, jobId, lockCount, payload, isQueued } = job;
      try {
        const performable = tasks.get(task);
        if (performable === undefined) throw new Error(`Graphile Worker handed out a job of task "${task}".`);
        if (lockCount >= supersededFrom) {
          return logger.info({ task, jobId }, "job dropped: a newer one has taken its key");
        }
        const startedAt = performance.now();
        const idempotencyKey = job.id ?? (await readIdempotencyKey(jobId));
        const attempt = lockCount === 1 ? 1 : await startRepeated(job, idempotencyKey);
        try {
          const result = attempts.run(performable, { jobId, attempt, payload, idempotencyKey, isQueued });
          if (isPromiseLike(result)) await result;
        } catch (error) {
          const outcome = decideOutcome(error, attempt, performable.task.retry);
          logFailure(logger, { task, jobId, attempt }, outcome, error);
          await intend({ task, jobId, attempt, lockCount, idempotencyKey, outcome, error });
          throw attemptFailed;
        }
        logger.info({ task, jobId, attempt, durationMs: Math.round(performance.now() - startedAt) }, "job done");
      } finally {
        onEnd?.();
      }
    },
    handBack: () => attempts.endAll(new JobsError("WORKER_STOPPING", "The worker stopped before the job was done.")),
  };
}

/** All that Graphile Worker is told: it would store the message of any error as it is, which PostgreSQL may refuse, and with it the whole batch. */
const attemptFailed = new Error("The attempt failed. Its error is in acme_jobs.failures.");

function takenTooEarly(): Error {
  return new Error("The job was taken before the outcome of its last attempt was written. It is put back.");
}

async function readInstallationId(db: Queryable): Promise<string> {
  const { rows } = await db.query("select id::text from acme_jobs.installation");
  return String(rows[0]?.["id"]);
}

function logFailure(
  logger: Logger,
  fields: Pick<FailedAttempt, "task" | "jobId" | "attempt">,
  outcome: Outcome,
  error: unknown,
): void {
  const withError = { ...fields, err: error };
  if (outcome.kind === "dead") return logger.error(withError, "job failed for good; it is a dead letter now");
  const { delayMs, attemptsUsed } = outcome;
  if (attemptsUsed < fields.attempt)
    return logger.info({ ...fields, delayMs }, "job put off; the attempt does not count");
  return logger.warn({ ...withError, delayMs }, "job failed; it will be tried again");
}
