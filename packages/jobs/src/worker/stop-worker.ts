import type { Logger } from "@acme/shared/logger";
import { afterReading } from "@acme/shared/timeout";
import { checkNumber, longestTimerMs } from "../check-options.ts";
import { JobsError } from "../errors.ts";
import type { PoolSupervisor } from "./pool-supervisor.ts";
import type { JobRunner } from "./run-job.ts";

/** How long a stop may take. */
export interface StopOptions {
  /** Milliseconds that running jobs get to finish, from 0. Default: 25,000. */
  readonly deadlineMs?: number;
}

/** What ends with a worker. */
interface StoppedParts {
  readonly supervisor: PoolSupervisor;
  readonly runner: JobRunner;
  readonly logger: Logger;
  /** Writes what was counted until the last job ended. Without statistics there is nothing to write. */
  readonly flushLast?: (() => Promise<void>) | undefined;
}

const defaultDeadlineMs = 25_000;
/** After its deadline, a stop still waits this long for the database to take the ends of jobs. */
const writeGraceMs = 5_000;
const longestDeadlineMs = longestTimerMs - writeGraceMs;

/** The stop of a worker. It happens once, however often it is called. Each call has a deadline, and the first that is over counts. */
export class WorkerStop {
  readonly #parts: StoppedParts;
  readonly #onStopped: () => void;
  readonly #besides: { stop(): Promise<void> }[] = [];
  #stopped: Promise<void> | undefined;
  #isOver = false;
  readonly #limit = new AbortController();

  /** @param onStopped - Called after a stop that the caller asked for, even if not everything could be written. */
  constructor(parts: StoppedParts, onStopped: () => void) {
    this.#parts = parts;
    this.#onStopped = onStopped;
  }

  /** What begins when the worker has started, and ends with it. */
  includes(part: { stop(): Promise<void> }): void {
    this.#besides.push(part);
  }

  get state(): "stopping" | "stopped" | undefined {
    if (this.#isOver) return "stopped";
    return this.#stopped && "stopping";
  }

  async stop({ deadlineMs = defaultDeadlineMs }: StopOptions = {}): Promise<void> {
    checkNumber("deadlineMs", deadlineMs, [0, longestDeadlineMs]);
    const deadline = setTimeout(() => this.#parts.runner.handBack(), deadlineMs);
    const limit = this.#giveUpAfter(deadlineMs + writeGraceMs);
    try {
      await (this.#stopped ??= this.#stopOnce().finally(this.#onStopped));
    } finally {
      clearTimeout(deadline);
      clearTimeout(limit);
    }
  }

  /** Stops a worker that cannot go on. It waits only for writes that are under way. */
  async stopAfterFailure(): Promise<void> {
    this.#parts.runner.handBack();
    const limit = this.#giveUpAfter(writeGraceMs);
    await (this.#stopped ??= this.#stopOnce()).catch(() => undefined);
    clearTimeout(limit);
  }

  #giveUpAfter(ms: number): NodeJS.Timeout {
    const reason = () => new DOMException(`The writes of the worker's stop took longer than ${ms} ms.`, "TimeoutError");
    return afterReading(() => this.#limit.abort(reason()), ms);
  }

  async #stopOnce(): Promise<void> {
    const { supervisor, runner, logger, flushLast } = this.#parts;
    logger.info({ runningCount: runner.runningCount }, "worker is stopping");
    try {
      const besides = this.#besides.map((part) => part.stop());
      const [isWritten] = await Promise.all([supervisor.stop(this.#limit.signal), ...besides]);
      if (!isWritten) throw incomplete();
      await flushLast?.();
    } finally {
      this.#isOver = true;
      logger.info({}, "worker stopped");
    }
  }
}

function incomplete(): JobsError {
  return new JobsError(
    "STOP_INCOMPLETE",
    "The worker stopped, but the jobs database did not take what became of its last jobs. Another worker, or this one " +
      "when it starts again, runs them within seconds.",
  );
}
