import type { Jobs, PerformableTask, Worker } from "@acme/jobs";
import { closesInTime } from "./close-in-time.ts";
import { explainingRefusals } from "./database-refusal.ts";
import type { Logger } from "./logging/logger.ts";

/** The worker of this process, with the relay that feeds it; or none, where JOB_QUEUE_ENABLED is false. */
export interface BackgroundJobs {
  /**
   * An unreachable jobs database is no error: the worker starts by itself once it is there, and the app serves meanwhile.
   *
   * @throws {@link StartupError} `DATABASE_REFUSED` when it is there, and refuses the user, the password or the database name.
   */
  start(): Promise<void>;
  /** Rejects when the worker cannot go on, for a database that answers and refuses; it has stopped by then. */
  readonly finished: Promise<void>;
  health(): Promise<BackgroundJobsHealth>;
  /** Resolves when every job is done or handed back, or some seconds after the deadline, with a warning. */
  stop(options: { readonly deadlineMs: number }): Promise<void>;
}

export interface BackgroundJobsHealth {
  /** `off`: JOB_QUEUE_ENABLED is false, so this process never asks. */
  readonly jobsDatabase: "up" | "down" | "off";
  readonly worker: "up" | "down" | "off";
  /** Jobs on their way into the jobs database; null when they are written there directly, or cannot be counted. */
  readonly outbox: OutboxBacklog | null;
}

interface OutboxBacklog {
  readonly pendingCount: number;
  readonly oldestAgeMs: number;
}

export function createBackgroundJobs({
  jobs,
  tasks,
  isEnabled,
  concurrency,
  migrate,
  logger,
}: BackgroundJobsNeeds): BackgroundJobs {
  let worker: Worker | undefined;
  let stopped: Promise<void> | undefined;

  const stop = async (running: Worker, deadlineMs: number) => {
    // A worker waits longer for a database that does not answer. Others take over the jobs it has left.
    if (await closesInTime(running.stop({ deadlineMs }), { withinMs: deadlineMs + handBackGraceMs })) return;
    logger.warn("the jobs could not be handed back in time; the process ends without them");
  };
  return {
    async start() {
      if (!isEnabled) return;
      worker = await explainingRefusals("JOB_QUEUE_DATABASE_URL", () =>
        jobs.startWorker({ tasks, concurrency, migrate }),
      );
    },
    get finished() {
      return worker?.finished ?? Promise.resolve();
    },
    async health() {
      const { jobsDatabase, outbox } = await jobs.health();
      return {
        jobsDatabase: jobsDatabase ?? "off",
        worker: isEnabled ? stateOf(worker) : "off",
        outbox: typeof outbox === "object" ? outbox : null,
      };
    },
    async stop({ deadlineMs }) {
      if (worker !== undefined) await (stopped ??= stop(worker, deadlineMs));
    },
  };
}

interface BackgroundJobsNeeds {
  readonly jobs: Jobs;
  readonly tasks: readonly PerformableTask[];
  readonly isEnabled: boolean;
  readonly concurrency: number;
  readonly migrate: boolean;
  readonly logger: Logger;
}

/** A database that answers takes a job back within it. */
const handBackGraceMs = 2_000;

function stateOf(worker: Worker | undefined): "up" | "down" {
  return worker?.state === "running" ? "up" : "down";
}
