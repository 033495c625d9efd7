import { asCause, isCausationObserved } from "@acme/shared/causation";
import { JobsError } from "../errors.ts";
import type { Logger } from "@acme/shared/logger";
import { checkOwnPayload } from "../task/own-payload.ts";
import type { PerformableTask } from "../task/perform.ts";
import { replaceCorrelation } from "@acme/shared/correlation";
import { ContextOfAttempt, type AttemptOfJob } from "./attempt-context.ts";
import { jobFields } from "./job-fields.ts";
import { isPromiseLike, whenKnown } from "@acme/shared/promise-like";
import type { Task } from "../task/task.ts";
import { RunningAttempt } from "./running-attempt.ts";

/** The result of an attempt whose code was not run, because a newer job has taken the key. */
export const superseded = Symbol("superseded");

/** Runs the code of tasks, each attempt within its time limit. */
export interface Attempts {
  readonly runningCount: number;
  /**
   * Returns or resolves with the result of the code. Throws or rejects with the error of the code, or with `ATTEMPT_TIMEOUT` or
   * `WORKER_STOPPING` when the attempt is over. Code that ignores its signal then runs on, and its result no longer counts. The
   * attempt of a job of a named queue waits for its code even after a timeout, unless the worker stops. If a newer job has taken
   * the key, the code is not run, and the result is `superseded`.
   */
  run(performable: PerformableTask, job: AttemptOfJob): unknown;
  /** Ends every attempt: those that run now, and those that begin later. */
  endAll(reason: Error): void;
}

export function createAttempts(logger: Logger): Attempts {
  const running = new Set<RunningAttempt>();
  let endReason: Error | undefined;

  const timeOut = (attempt: RunningAttempt, { name, timeoutMs = 0 }: Task, job: AttemptOfJob) => {
    const reason = timedOut(name, timeoutMs);
    if (!job.isQueued || !attempt.hasBegun) return attempt.end(reason);
    attempt.abort(reason);
    logger.warn(
      { ...jobFields({ ...job, task: name }, job.attempt), timeoutMs },
      "a job has reached its time limit; its named queue waits until its code has ended",
    );
  };

  return {
    get runningCount() {
      return running.size;
    },
    run(performable, job) {
      const { task, run } = performable;
      assertNotUsedUp(task.name, job.attempt, task.retry.attempts);
      if (endReason !== undefined) throw endReason;
      const attempt = new RunningAttempt();
      const begin = (payload: unknown): unknown => {
        attempt.begin();
        // The schema has just made the payload of the right type, but the type is lost in the list of tasks.
        const context = new ContextOfAttempt({ job, task: task.name, running: attempt, logger });
        const perform = () => run(payload as never, context);
        if (!isCausationObserved()) return replaceCorrelation(job.origin, perform);
        return replaceCorrelation(job.origin, () => asCause({ kind: "task", name: task.name }, perform));
      };
      const beginUnlessSuperseded = (payload: unknown): unknown => {
        const asked = job.isSuperseded?.() ?? false;
        if (asked === false) return begin(payload);
        return attempt.waitFor(asked).then((isSuperseded) => (isSuperseded ? superseded : begin(payload)));
      };
      const result: unknown = whenKnown(checkOwnPayload(task, job.payload), beginUnlessSuperseded);
      const onTimeout = () => timeOut(attempt, task, job);
      return isPromiseLike(result)
        ? attempt.outlive(result, { running, timeoutMs: task.timeoutMs, onTimeout })
        : result;
    },
    endAll(reason) {
      endReason = reason;
      for (const attempt of running) attempt.end(reason);
    },
  };
}

/** For a job whose attempts are used up before it runs: it may have killed its worker each time. */
function assertNotUsedUp(task: string, attempt: number, attempts: number): void {
  if (attempt <= attempts) return;
  throw new JobsError(
    "WORKER_DIED",
    `Task "${task}" has used its ${attempts} attempts, and the end of the last was not recorded. Its worker died or lost the database, or the policy now allows fewer attempts.`,
  );
}

function timedOut(task: string, timeoutMs: number): JobsError {
  return new JobsError("ATTEMPT_TIMEOUT", `Task "${task}" took longer than its time limit of ${timeoutMs} ms.`);
}
