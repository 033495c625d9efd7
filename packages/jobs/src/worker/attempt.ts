import { JobsError } from "../errors.ts";
import type { LockedJob } from "../graphile/locked-job.ts";
import type { Logger } from "@acme/shared/logger";
import { checkOwnPayload } from "../task/own-payload.ts";
import type { AttemptContext, PerformableTask } from "../task/perform.ts";
import { isPromiseLike, whenKnown } from "@acme/shared/promise-like";
import type { Task } from "../task/task.ts";
import { RunningAttempt } from "./running-attempt.ts";

export interface AttemptOfJob {
  readonly jobId: string;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly payload: unknown;
  /** The next job of its named queue begins when this one has been written: not before its code has ended. */
  readonly isQueued: boolean;
  /** Asked just before its code begins. */
  readonly isSuperseded?: LockedJob["isSuperseded"];
}

/** What an attempt answers whose code was not run, since a newer job has taken the key. */
export const superseded = Symbol("superseded");

/** Runs the code of tasks, each once, within its time. */
export interface Attempts {
  readonly runningCount: number;
  /**
   * Returns or resolves with what the code returned. Throws or rejects with what it threw, or with `ATTEMPT_TIMEOUT` or `WORKER_STOPPING` as soon
   * as its time is over: code that does not heed its signal then runs on unattended, and its result no longer counts. One of a named queue waits for
   * its code, unless the worker stops. Of a job whose key a newer one has taken the code is not run: `superseded`.
   */
  run(performable: PerformableTask, job: AttemptOfJob): unknown;
  /** Ends every attempt that runs, now and from now on. */
  endAll(reason: Error): void;
}

export function createAttempts(logger: Logger): Attempts {
  const running = new Set<RunningAttempt>();
  let endReason: Error | undefined;

  const timeOut = (attempt: RunningAttempt, { name, timeoutMs = 0 }: Task, { jobId, isQueued }: AttemptOfJob) => {
    const reason = timedOut(name, timeoutMs);
    if (!isQueued || !attempt.hasBegun) return attempt.end(reason);
    attempt.abort(reason);
    logger.warn(
      { task: name, jobId, timeoutMs },
      "a job has run out of time; its named queue waits for its code to end",
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
        // The schema has just made this payload the task's own type, which the list of tasks no longer knows.
        return run(payload as never, contextOf(attempt, job, logger));
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

function contextOf(
  running: RunningAttempt,
  { jobId, attempt, idempotencyKey }: AttemptOfJob,
  logger: Logger,
): AttemptContext {
  return {
    jobId,
    attempt,
    idempotencyKey,
    logger,
    get signal() {
      return running.signal;
    },
  };
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
