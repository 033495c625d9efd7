import type { Logger } from "@acme/shared/logger";
import { isPromiseLike } from "@acme/shared/promise-like";
import { describeError, stackOf } from "../../graphile/describe-error.ts";
import type { AttemptError } from "../../job/job-summary.ts";
import { decideOutcome, type Outcome } from "../../task/outcome.ts";
import type { PerformableTask } from "../../task/perform.ts";
import { superseded, type Attempts } from "../../worker/attempt.ts";
import { jobFields } from "../../worker/job-fields.ts";
import { dropped, logFailure } from "../../worker/log-failure.ts";
import type { OnAttempt } from "../../worker/worker-dependencies.ts";
import type { LetterStore } from "./letter-store.ts";
import { originOfJob, type MemoryJob } from "./memory-job.ts";
import type { MemoryStore } from "./memory-store.ts";

/** Runs a job that was taken, and does with it what its task's policy says. Never rejects. */
export type RunMemoryJob = (performable: PerformableTask, job: MemoryJob, run: MemoryRun) => Promise<void>;

export interface MemoryRun {
  readonly attempts: Attempts;
  readonly onAttempt?: OnAttempt;
}

export function createMemoryRunner(store: MemoryStore, letters: LetterStore, logger: Logger): RunMemoryJob {
  const { clock } = store;

  const fail = (job: MemoryJob, outcome: Outcome, failed: AttemptError): void => {
    const isCounted = outcome.attemptsUsed >= failed.attempt;
    if (isCounted) job.errors = [...job.errors.map(withoutStack(job.errors.length - 2)), failed];
    if (outcome.kind === "dead" || job.isSuperseded) {
      store.remove(job);
      if (!job.isSuperseded) letters.add(job, { attempts: outcome.attemptsUsed, reason: failed.message });
      return;
    }
    job.attempts = isCounted ? failed.attempt : failed.attempt - 1;
    job.runAt = clock.stamp() + outcome.delayMs;
    job.takenAt = undefined;
    store.tell();
  };

  return async (performable, job, { attempts, onAttempt }) => {
    const { id, task, attempts: attempt } = job;
    const origin = originOfJob(job);
    const seen = { jobId: String(job.number), id, task, origin };
    const beganAt = performance.now();
    const ranMs = () => Math.round(performance.now() - beganAt);
    try {
      const ran = attempts.run(performable, {
        ...seen,
        attempt,
        payload: JSON.parse(job.payload) as unknown,
        idempotencyKey: id,
        isQueued: job.queue !== null,
        isSuperseded: () => job.isSuperseded && Promise.resolve(true),
      });
      const result = isPromiseLike(ran) ? await ran : ran;
      store.remove(job);
      if (result === superseded) return logger.info(jobFields(seen), dropped);
      onAttempt?.("done");
      logger.info({ ...jobFields(seen, attempt), durationMs: ranMs() }, "job done");
    } catch (error) {
      const outcome = decideOutcome(error, { attempt, policy: performable.task.retry });
      const isDead = outcome.kind === "dead";
      onAttempt?.(isDead ? "dead" : outcome.attemptsUsed < attempt ? "put off" : "failed");
      logFailure(logger, { ...seen, attempt, outcome, error });
      const stack = stackOf(error);
      const times = { at: new Date(clock.now).toISOString(), durationMs: ranMs() };
      fail(job, outcome, { attempt, ...times, ...describeError(error), ...(stack !== undefined && { stack }) });
    }
  };
}

/** Only the last three errors keep their stacks. */
function withoutStack(count: number) {
  return (error: AttemptError, index: number): AttemptError => {
    if (index >= count) return error;
    const { stack: _, ...rest } = error;
    return rest;
  };
}
