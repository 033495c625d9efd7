import { JobsError } from "../errors.ts";
import { createBatcher } from "./batcher.ts";
import type { FailedAttempt } from "../graphile/failure-notes.ts";
import { startAttempts, type RepeatedRun, type StartedAttempt } from "../graphile/start-attempts.ts";
import { attemptFailed, attemptNotStarted } from "../graphile/engine-errors.ts";
import { supersededFrom } from "../graphile/add-jobs.ts";
import { plainIdsOf } from "../graphile/job-locks.ts";
import type { LockedJob } from "../graphile/locked-job.ts";
import { jobFields } from "./job-fields.ts";
import { attemptOf, startUnlessOver } from "./lost-run.ts";
import { dropped, logFailure } from "./log-failure.ts";
import type { Logger } from "@acme/shared/logger";
import { noting, type Dependency, type WorkerHealth } from "./worker-health.ts";
import type { PerformableTask } from "../task/perform.ts";
import { isPromiseLike } from "@acme/shared/promise-like";
import type { Queryable } from "../database/queryable.ts";
import { retryWhile } from "../database/database-errors.ts";
import type { MinuteCounts } from "../statistics/minute-counts.ts";
import type { RetryPolicy } from "../task/retry.ts";
import type { OnAttempt } from "./worker-dependencies.ts";
import { waitedUntil } from "./waited-until.ts";
import { createAttempts, superseded } from "./attempt.ts";
import { decideOutcome } from "../task/outcome.ts";

/** Runs locked jobs: makes the attempt, decides the outcome, and logs it. */
export interface JobRunner {
  readonly runningCount: number;
  /** Rejects when `intend` has got the error of the attempt and the outcome. */
  run(job: LockedJob, intend: Intend, onEnd?: () => void): Promise<void>;
  /** Ends every attempt, those that run now and those that begin later, without using it up. */
  handBack(): void;
}

type Intend = (failed: FailedAttempt) => void | Promise<void>;

export interface JobRunnerOptions {
  readonly pool: Queryable;
  readonly logger: Logger;
  readonly health: Pick<WorkerHealth, "depend">;
  /** Counts what becomes of attempts. Without it, nothing is counted. */
  readonly counts?: MinuteCounts | undefined;
  readonly onAttempt?: OnAttempt | undefined;
  /** Aborted when the stop no longer waits for the last writes. */
  readonly giveUp: AbortSignal;
}

export function createJobRunner(
  { pool, logger, health, counts, onAttempt, giveUp }: JobRunnerOptions,
  tasks: ReadonlyMap<string, PerformableTask>,
): JobRunner {
  const attempts = createAttempts(logger);
  const start = createBatcher<RepeatedRun, StartedAttempt>((runs) => startAttempts(pool, runs));
  const idempotencyKeys = createBatcher<string, string>((jobIds) => plainIdsOf(pool, jobIds));

  /**
   * Repeated until the worker gives up, even if the database refuses it: a failure here would use up an attempt whose
   * code has not
   * run.
   */
  const insistOn = <Result>(ask: () => Promise<Result>, note: Dependency): Promise<Result> =>
    retryWhile(
      () => noting(note, ask),
      () => true,
      giveUp,
    ).catch(() => {
      throw attemptNotStarted;
    });
  const [noteKey, noteStart] = [health.depend(), health.depend()];

  // Read each time, because the database may be replaced while the worker runs.
  const readIdempotencyKey = (jobId: string) => insistOn(() => idempotencyKeys(jobId), noteKey);

  const startRepeated = async (job: LockedJob, idempotencyKey: string): Promise<number> => {
    const ask = () => startUnlessOver(job, () => start({ ...job, idempotencyKey }));
    return attemptOf(job, await insistOn(ask, noteStart));
  };

  const fail = async ({ policy, ranMs, waitedMs, ...run }: FailedRun, intend: Intend): Promise<void> => {
    const { task, attempt, error } = run;
    const outcome = decideOutcome(error, { attempt, policy });
    const isDead = outcome.kind === "dead";
    if (isDead || outcome.attemptsUsed === attempt) counts?.attemptFailed(task, ranMs, { waitedMs, isDead });
    onAttempt?.(isDead ? "dead" : outcome.attemptsUsed < attempt ? "put off" : "failed");
    const failed = { ...run, outcome, durationMs: Math.round(ranMs) };
    logFailure(logger, failed);
    await intend(failed);
  };

  return {
    get runningCount() {
      return attempts.runningCount;
    },
    // One function that awaits only promises, because every job passes through here.
    async run(job, intend, onEnd) {
      const { task, jobId, lockCount, payload, isQueued, isSuperseded, id, origin } = job;
      try {
        const performable = tasks.get(task);
        if (performable === undefined) throw new Error(`Graphile Worker handed out a job of task "${task}".`);
        if (lockCount >= supersededFrom) {
          return logger.info(jobFields(job), dropped);
        }
        const idempotencyKey = job.id ?? (await readIdempotencyKey(jobId));
        const attempt = lockCount === 1 ? 1 : await startRepeated(job, idempotencyKey);
        const beganAt = performance.now();
        const waitedMs = waitedUntil(beganAt, job);
        try {
          const ran = attempts.run(performable, {
            jobId,
            id,
            origin,
            attempt,
            payload,
            idempotencyKey,
            isQueued,
            isSuperseded,
          });
          const result = isPromiseLike(ran) ? await ran : ran;
          if (result === superseded) return logger.info(jobFields(job), dropped);
        } catch (error) {
          const ranMs = performance.now() - beganAt;
          const policy = performable.task.retry;
          const ended = { task, jobId, id, origin, attempt, lockCount, idempotencyKey, error, policy, ranMs, waitedMs };
          await fail(ended, intend);
          throw attemptFailed;
        }
        const ranMs = performance.now() - beganAt;
        counts?.attemptDone(task, ranMs, waitedMs);
        onAttempt?.("done");
        logger.info({ ...jobFields(job, attempt), durationMs: Math.round(ranMs) }, "job done");
      } finally {
        onEnd?.();
      }
    },
    handBack: () => attempts.endAll(new JobsError("WORKER_STOPPING", "The worker stopped before the job was done.")),
  };
}

interface FailedRun extends Omit<FailedAttempt, "outcome" | "durationMs" | "isUnknown"> {
  readonly policy: RetryPolicy;
  readonly ranMs: number;
  readonly waitedMs: number | undefined;
}
