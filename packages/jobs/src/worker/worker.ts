import { prepared } from "../database/prepared-statements.ts";
import { JobsError } from "../errors.ts";
import { createStatistics } from "../statistics/statistics.ts";
import { startMaintenance } from "./maintenance.ts";
import { maintenanceTasksOf } from "./maintenance-tasks.ts";
import { PoolSupervisor } from "./pool-supervisor.ts";
import { createJobRunner } from "./run-job.ts";
import { type StopOptions, WorkerStop } from "./stop-worker.ts";
import { createWorkerHealth } from "./worker-health.ts";
import type { WorkerDependencies } from "./worker-dependencies.ts";
import type { WorkerSettings } from "./worker-options.ts";

/**
 * `starting`: the jobs database has not answered yet. `recovering`: it has answered before, but does not now, or it refuses something
 * that the worker needs. The worker leaves both states by itself. If it is refused something for `giveUpAfterMs`, it ends.
 */
export type WorkerState = "starting" | "running" | "recovering" | "stopping" | "stopped";

/** A running worker, made by `jobs.startWorker`. */
export interface Worker extends AsyncDisposable {
  readonly state: WorkerState;
  /**
   * Resolves when the worker has been stopped. Rejects with `WORKER_FAILED` if the worker cannot go on, because the database
   * refuses what it needs (rights, tables), or with `GRAPHILE_WORKER_UNKNOWN`. The worker has stopped then. The promise needs no
   * handler. A process that only runs a worker awaits it.
   */
  readonly finished: Promise<void>;
  /**
   * Fetches no more jobs and waits for those that run. After the deadline their signals are aborted, and they are handed
   * back with the attempt unused. When the promise resolves, everything is written, and this worker knows of no job that it has
   * locked. If the database was lost in the middle of a fetch, another worker recovers the jobs that the fetch may have locked. It
   * may be called again. The earliest deadline of all calls counts.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`; `STOP_INCOMPLETE` if the database did not take the ends of all jobs within five
   * seconds after the deadline. Another worker recovers those jobs.
   */
  stop(options?: StopOptions): Promise<void>;
}

/**
 * Starts to run jobs. Resolves when the first pool runs, or at once in the state `starting` where the jobs database
 * cannot be reached: it keeps trying.
 */
export async function startWorker(dependencies: WorkerDependencies, settings: WorkerSettings): Promise<Worker> {
  const { logger, onAttempt } = dependencies;
  const givingUp = new AbortController();
  const finished = Promise.withResolvers<void>();
  // Nobody has to wait for it.
  finished.promise.catch(() => undefined);
  const health = createWorkerHealth({
    giveUpAfterMs: settings.giveUpAfterMs,
    onGiveUp: (refusal) => void fail(refusal),
  });
  const statistics = settings.statistics ? createStatistics(dependencies, settings.tasks.keys()) : undefined;
  const runner = createJobRunner(
    {
      pool: prepared(dependencies.pool),
      logger,
      health,
      counts: statistics?.counts,
      onAttempt,
      giveUp: givingUp.signal,
    },
    settings.tasks,
  );
  let isFailed = false;
  const fail = async (refusal: unknown) => {
    if (isFailed) return;
    isFailed = true;
    const failure = isUnknownEngine(refusal) ? refusal : failed(refusal);
    logger.error({ err: failure }, "the worker cannot go on");
    await ending.stopAfterFailure();
    finished.reject(failure);
  };
  const onUnknownEngine = (error: unknown) => void fail(error);
  const supervisor = new PoolSupervisor(dependencies, settings, { runner, health, givingUp, onUnknownEngine });
  // From here on the worker may fail at any moment.
  const ending = new WorkerStop({ supervisor, runner, logger, flushLast: statistics?.flushLast }, () =>
    finished.resolve(),
  );
  await supervisor.start();
  const maintenanceTasks = [...maintenanceTasksOf(dependencies, settings), ...(statistics?.tasks ?? [])];
  if (ending.state === undefined) ending.includes(startMaintenance(maintenanceTasks, logger));
  if (settings.schedules.length > 0) await startSchedules(dependencies, settings, ending);

  const stop = (options?: StopOptions) => ending.stop(options);
  return {
    get state() {
      return ending.state ?? supervisor.state;
    },
    finished: finished.promise,
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** Loaded only where there are any. */
async function startSchedules(
  dependencies: WorkerDependencies,
  { schedules }: WorkerSettings,
  ending: WorkerStop,
): Promise<void> {
  const { startScheduler } = await import("../schedule/scheduler.ts");
  if (ending.state === undefined) ending.includes(startScheduler(dependencies, schedules));
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
