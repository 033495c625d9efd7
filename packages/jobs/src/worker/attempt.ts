import { JobsError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { checkOwnPayload } from "../task/own-payload.ts";
import type { AttemptContext, PerformableTask } from "../task/perform.ts";
import { isPromiseLike, whenKnown } from "../maybe-promise.ts";
import type { Task } from "../task/task.ts";

export interface AttemptOfJob {
  readonly jobId: string;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly payload: unknown;
  /** The next job of its named queue begins when this one has been written: not before its code has ended. */
  readonly isQueued: boolean;
}

/** Runs the code of tasks, each once, within its time. */
export interface Attempts {
  readonly runningCount: number;
  /**
   * Returns or resolves with what the code returned. Throws or rejects with what it threw, or with `ATTEMPT_TIMEOUT` or `WORKER_STOPPING` as soon
   * as its time is over: code that does not heed its signal then runs on unattended, and its result no longer counts. One of a named queue waits for
   * its code, unless the worker stops.
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
      const result: unknown = whenKnown(checkOwnPayload(task, job.payload), (payload) => {
        attempt.begin();
        // The schema has just made this payload the task's own type, which the list of tasks no longer knows.
        return run(payload as never, contextOf(attempt, job, logger));
      });
      return isPromiseLike(result)
        ? attempt.outlive(result, { running, task, onTimeout: () => timeOut(attempt, task, job) })
        : result;
    },
    endAll(reason) {
      endReason = reason;
      for (const attempt of running) attempt.end(reason);
    },
  };
}

/** Most code never looks at its signal, and making one costs more than all the rest of an attempt. */
class RunningAttempt {
  #controller: AbortController | undefined;
  #endReason: Error | undefined;
  #reject: ((reason: Error) => void) | undefined;
  /** Whether there is code to wait for: a schema may take its time, too. */
  hasBegun = false;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#endReason !== undefined) this.#controller.abort(this.#endReason);
    }
    return this.#controller.signal;
  }

  /** @throws why it has ended, where its payload was known too late. */
  begin(): void {
    if (this.#endReason !== undefined) throw this.#endReason;
    this.hasBegun = true;
  }

  /** Settles as the code does, or as soon as the attempt is ended. Once it is aborted, the result no longer counts. */
  outlive(result: PromiseLike<unknown>, { running, task: { timeoutMs }, onTimeout }: Outliving): Promise<unknown> {
    const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs);
    running.add(this);
    const leave = () => {
      running.delete(this);
      clearTimeout(timer);
    };
    return new Promise((resolve, reject) => {
      this.#reject = (reason) => {
        leave();
        reject(reason);
      };
      const succeed = (value: unknown) => {
        leave();
        if (this.#endReason === undefined) resolve(value);
        else reject(this.#endReason);
      };
      const fail = (reason: Error) => this.#reject?.(this.#endReason ?? reason);
      result.then(succeed, fail);
    });
  }

  /** Its time is over, and its code may take as long as it needs to see that. */
  abort(reason: Error): void {
    this.#endReason ??= reason;
    this.#controller?.abort(reason);
  }

  end(reason: Error): void {
    this.abort(reason);
    this.#reject?.(this.#endReason ?? reason);
  }
}

interface Outliving {
  readonly running: Set<RunningAttempt>;
  readonly task: Task;
  readonly onTimeout: () => void;
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
