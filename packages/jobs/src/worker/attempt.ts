import { JobsError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { checkPayload } from "../payload.ts";
import type { AttemptContext, PerformableTask } from "../perform.ts";

export interface AttemptOfJob {
  readonly jobId: string;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly payload: unknown;
}

/** Runs the code of tasks, each once, within its time. */
export interface Attempts {
  readonly runningCount: number;
  /**
   * Resolves with what the code returned. Rejects with what it threw, or with `ATTEMPT_TIMEOUT` or `WORKER_STOPPING` as soon
   * as its time is over: code that does not heed its signal then runs on unattended, and its result no longer counts.
   */
  run(performable: PerformableTask, job: AttemptOfJob): Promise<unknown>;
  /** Ends every attempt that runs, now and from now on. */
  endAll(reason: Error): void;
}

export function createAttempts(logger: Logger): Attempts {
  const running = new Set<RunningAttempt>();
  let endReason: Error | undefined;

  return {
    get runningCount() {
      return running.size;
    },
    async run({ task, run }, job) {
      assertNotUsedUp(task.name, job.attempt, task.retry.attempts);
      const payload = await checkPayload(task, job.payload);
      if (endReason !== undefined) throw endReason;

      const attempt = beginAttempt(job, logger);
      const { timeoutMs } = task;
      const timer =
        timeoutMs === undefined ? undefined : setTimeout(() => attempt.end(timedOut(task.name, timeoutMs)), timeoutMs);
      running.add(attempt);
      try {
        return await attempt.run(run, payload);
      } finally {
        running.delete(attempt);
        clearTimeout(timer);
      }
    },
    endAll(reason) {
      endReason = reason;
      for (const attempt of running) attempt.end(reason);
    },
  };
}

interface RunningAttempt {
  run(code: PerformableTask["run"], payload: unknown): unknown;
  end(reason: Error): void;
}

/** Most code never looks at its signal, and making one costs more than all the rest of an attempt. */
function beginAttempt({ jobId, attempt, idempotencyKey }: AttemptOfJob, logger: Logger): RunningAttempt {
  let controller: AbortController | undefined;
  let endReason: Error | undefined;
  let reject: ((reason: Error) => void) | undefined;

  const context: AttemptContext = {
    jobId,
    attempt,
    idempotencyKey,
    logger,
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (endReason !== undefined) controller.abort(endReason);
      }
      return controller.signal;
    },
  };

  return {
    run(code, payload) {
      // The schema has just made this payload the task's own type, which the list of tasks no longer knows.
      const result: unknown = code(payload as never, context);
      if (!isPromiseLike(result)) return result;
      return new Promise((resolve, rejectRun) => {
        reject = rejectRun;
        result.then(resolve, rejectRun);
      });
    },
    end(reason) {
      endReason = reason;
      controller?.abort(reason);
      reject?.(reason);
    },
  };
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** A worker that dies takes its attempt with it, so a job that kills its worker each time arrives here used up. */
function assertNotUsedUp(task: string, attempt: number, attempts: number): void {
  if (attempt <= attempts) return;
  throw new JobsError(
    "WORKER_DIED",
    `Task "${task}" has used its ${attempts} attempts without one that ended in time to be recorded: its worker died, lost the database, or the policy has been shortened since.`,
  );
}

function timedOut(task: string, timeoutMs: number): JobsError {
  return new JobsError("ATTEMPT_TIMEOUT", `Task "${task}" took longer than its ${timeoutMs} ms.`);
}
