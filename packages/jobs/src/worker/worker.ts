import type { Pool } from "pg";
import { JobsError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { OnceKeys } from "../once-keys.ts";
import type { PerformableTask } from "../task/perform.ts";
import { prepared } from "../database/prepared-statements.ts";
import { checkCount, checkNames, checkNumber, longestTimerMs, namesOf } from "../check-options.ts";
import { maintenanceTasksOf } from "./maintenance-tasks.ts";
import { createJobRunner } from "./run-job.ts";
import { startPoolSupervisor } from "./pool-supervisor.ts";
import { taskList } from "./task-list.ts";
import { startMaintenance } from "./maintenance.ts";

/** What a worker runs and how. Only `tasks` is needed. */
export interface WorkerOptions {
  /** What this worker runs: tasks with their code. Jobs of other tasks are for other workers. */
  readonly tasks: readonly PerformableTask[];
  /** Jobs that run at the same time, 1 to 1,000. Default: 25. */
  readonly concurrency?: number;
  /**
   * The most jobs to fetch per query, 0 to 10,000. A worker fetches as many as it can begin. It fetches ahead only if the last jobs took less than a tenth
   * of a second each: as many as will begin within a second, and up to five times this number while four begin in a millisecond. Jobs that have not begun
   * after a second are returned. With 0 each job is fetched by itself, which is several times slower for short ones. Default: 100.
   */
  readonly prefetch?: number;
  /** How often an idle worker polls, in milliseconds, from 10. Default: 1,000. */
  readonly pollIntervalMs?: number;
  /** Milliseconds between two heartbeats, from 10. Default: 1,000. */
  readonly heartbeatMs?: number;
  /**
   * Milliseconds without a heartbeat after which a worker whose session has ended counts as dead, at least two heartbeats. An event loop that is blocked for
   * twice as long, at least for a second, is a hang: jobs that have not begun are returned. Default: 3,000.
   */
  readonly deadAfterMs?: number;
  /**
   * Milliseconds, from 0, after which a job that is due becomes a dead letter when no worker has known its task for a day.
   * Default: 1 hour, so that a new task may be enqueued before its workers are deployed.
   */
  readonly unknownTaskAfterMs?: number;
  /** Milliseconds, from 1,000, for which a database that answers may refuse what the worker needs before it gives up. Default: 60,000. */
  readonly giveUpAfterMs?: number;
  /**
   * The unit of work whose `runOnce` takes the keys of these jobs. Once an hour the worker forgets keys that nobody has come
   * with for 30 days, and that no job, outbox row or dead letter could come back with. Default: keys are kept for ever.
   */
  readonly onceKeys?: OnceKeys;
  /** Whether to create or update the tables first. Default: true. */
  readonly migrate?: boolean;
  /** Whether to move outbox rows as well, where there is an outbox. Default: true. */
  readonly relay?: boolean;
}

/** How long a stop may take. */
export interface StopOptions {
  /** Milliseconds that running jobs get to finish, from 0. Default: 25,000. */
  readonly deadlineMs?: number;
}

/**
 * `starting`: the jobs database has not answered yet. `recovering`: it did, and does not now. The worker leaves both by
 * itself.
 */
export type WorkerState = "starting" | "running" | "recovering" | "stopping" | "stopped";

/** A running worker, made by `jobs.startWorker`. */
export interface Worker extends AsyncDisposable {
  readonly state: WorkerState;
  /**
   * Resolves when the worker has been stopped. Rejects with `WORKER_FAILED` when it cannot go on, because the database
   * refuses what it needs (rights, tables), or with `GRAPHILE_WORKER_UNKNOWN`; it has stopped then. Needs no handler; a process that only works awaits it.
   */
  readonly finished: Promise<void>;
  /**
   * Takes no more jobs and waits for those that run. After the deadline their signals are aborted, and they are handed
   * back with the attempt unused. When the promise resolves, everything is written and nothing is locked that this worker
   * knows of; where the database was lost in the middle of a fetch, another worker recovers what that may have locked. May be called again with
   * a shorter deadline.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`; `STOP_INCOMPLETE` when the database could not be told; another worker recovers those jobs.
   */
  stop(options?: StopOptions): Promise<void>;
}

/** Connections and settings the worker is built on. */
export interface WorkerParts {
  readonly pool: Pool;
  readonly logger: Logger;
  /** Creates or updates the tables; runs before the first job, again until it succeeds. */
  readonly prepare: () => Promise<void>;
  readonly purgeOnceKeys: (onceKeys: OnceKeys) => Promise<number>;
}

const defaultDeadlineMs = 25_000;
/** After its deadline, a stop still waits this long for the database to take what became of the jobs. */
const writeGraceMs = 5_000;
const longestDeadlineMs = longestTimerMs - writeGraceMs;

/**
 * Starts to run jobs. Resolves when the first pool runs, or at once in the state `starting` where the jobs database
 * cannot be reached: it keeps trying.
 */
export async function startWorker(parts: WorkerParts, options: WorkerOptions): Promise<Worker> {
  const { logger } = parts;
  const tasks = taskList(options.tasks);
  checkOptions(options);
  const taskNames = [...tasks.keys()];
  const givingUp = new AbortController();
  const finished = Promise.withResolvers<void>();
  // Nobody has to wait for it.
  finished.promise.catch(() => undefined);
  const runner = createJobRunner({ pool: prepared(parts.pool), logger, giveUp: givingUp.signal }, tasks);
  let stopped: Promise<void> | undefined;
  let isStopped = false;

  let isFailed = false;
  const fail = async (refusal: unknown) => {
    if (isFailed) return;
    isFailed = true;
    const failure = isUnknownEngine(refusal) ? refusal : failed(refusal);
    logger.error({ err: failure }, "the worker cannot go on");
    runner.handBack();
    await (stopped ??= stopOnce(0)).catch(() => undefined);
    finished.reject(failure);
  };
  const supervisor = await startPoolSupervisor(parts, runner, {
    ...options,
    taskNames,
    givingUp,
    onGiveUp: (refusal) => void fail(refusal),
  });
  const maintenance = startMaintenance(maintenanceTasksOf(parts, taskNames, options), logger);

  const stopOnce = async (deadlineMs: number) => {
    logger.info({ runningCount: runner.runningCount }, "worker is stopping");
    try {
      const [isClean] = await Promise.all([supervisor.stop(deadlineMs + writeGraceMs), maintenance.stop()]);
      if (!isClean) throw incomplete();
    } finally {
      isStopped = true;
      logger.info({}, "worker stopped");
    }
  };
  const stop = async ({ deadlineMs = defaultDeadlineMs }: StopOptions = {}) => {
    checkNumber("deadlineMs", deadlineMs, 0, longestDeadlineMs);
    // Each call has one: the first that is over counts.
    const deadline = setTimeout(() => runner.handBack(), deadlineMs);
    try {
      await (stopped ??= stopOnce(deadlineMs).finally(() => finished.resolve()));
    } finally {
      clearTimeout(deadline);
    }
  };

  return {
    get state() {
      if (isStopped) return "stopped";
      return stopped === undefined ? supervisor.state : "stopping";
    },
    finished: finished.promise,
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

const optionNames = namesOf<Required<WorkerOptions>>({
  tasks: true,
  concurrency: true,
  prefetch: true,
  pollIntervalMs: true,
  heartbeatMs: true,
  deadAfterMs: true,
  unknownTaskAfterMs: true,
  giveUpAfterMs: true,
  onceKeys: true,
  migrate: true,
  relay: true,
});

function checkOptions(options: WorkerOptions): void {
  checkNames("A worker", options, optionNames);
  const { concurrency, pollIntervalMs, heartbeatMs = 1_000, deadAfterMs = 3_000, onceKeys } = options;
  checkCount("concurrency", concurrency, 1, 1_000);
  checkCount("prefetch", options.prefetch, 0, 10_000);
  checkNumber("pollIntervalMs", pollIntervalMs, 10, longestTimerMs);
  checkNumber("heartbeatMs", heartbeatMs, 10, longestTimerMs);
  // A single late heartbeat must not look like a death.
  checkNumber("deadAfterMs", deadAfterMs, 2 * heartbeatMs, longestTimerMs);
  checkNumber("unknownTaskAfterMs", options.unknownTaskAfterMs, 0, Number.MAX_SAFE_INTEGER);
  checkNumber("giveUpAfterMs", options.giveUpAfterMs, 1_000, longestTimerMs);
  if (onceKeys !== undefined && typeof onceKeys?.purgeOnceKeys !== "function") {
    throw new JobsError("OPTIONS_INVALID", '"onceKeys" is a unit of work of @acme/domain-events.');
  }
}

function isUnknownEngine(error: unknown): error is JobsError {
  return error instanceof JobsError && error.code === "GRAPHILE_WORKER_UNKNOWN";
}

function failed(cause: unknown): JobsError {
  return new JobsError(
    "WORKER_FAILED",
    "The worker has stopped: the jobs database answers, but refuses what it needs. Check the rights of its user, and that nobody removed the tables.",
    { cause },
  );
}

function incomplete(): JobsError {
  return new JobsError(
    "STOP_INCOMPLETE",
    "The worker stopped, but the jobs database did not take what became of its last jobs. Another worker, or this one " +
      "when it starts again, runs them within seconds.",
  );
}
