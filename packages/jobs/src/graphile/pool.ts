import { EventEmitter } from "node:events";
import type { Job as GraphileJob, WorkerEvents, WorkerPool } from "graphile-worker";
import type { Pool, PoolClient } from "pg";
import { watchConnection, type GraphileConnectionOptions } from "./query-interceptor.ts";
import { promptlyMs, withQueryTimeout } from "../database/query-timeout.ts";
import { idOfJob } from "./add-jobs.ts";
import { graphileSchema } from "./schema.ts";
import type { Logger } from "../logger.ts";
import { createHangMemory } from "./hang-memory.ts";
import { isSuperseded } from "./job-locks.ts";
import { startHangWatch } from "./hang-watch.ts";
import { createHeldJobs } from "./held-jobs.ts";
import { createFetchSize, mostTaken } from "./fetch-size.ts";
import { createSlots } from "./slots.ts";

/** A job as Graphile Worker hands it to a run. */
export interface LockedJob {
  readonly jobId: string;
  readonly task: string;
  /** How often it has been locked: Graphile Worker's own count of attempts. */
  readonly lockCount: number;
  readonly payload: unknown;
  /** Whether it is one of a named queue. */
  readonly isQueued: boolean;
  /** Whether a newer job may take its place. */
  readonly isKeyed: boolean;
  /** The id `enqueue` gave it; a job added by plain SQL has none. */
  readonly id: string | undefined;
}

export interface GraphilePoolOptions extends Omit<
  GraphileConnectionOptions,
  "onQueuedTaken" | "onReopened" | "held" | "prefetch" | "isEnding"
> {
  readonly pgPool: Pool;
  readonly tasks: readonly string[];
  readonly concurrency: number;
  readonly pollIntervalMs: number;
  /** Jobs taken at once, at least as many as run at once; 0 takes each by itself. */
  readonly prefetch: number;
  /** Milliseconds without a sign of life of the event loop after which what has not begun goes back. */
  readonly hungAfterMs: number;
  readonly logger: Logger;
  readonly run: (job: LockedJob) => Promise<void>;
  /** The pool could not write what became of a job; it takes no more jobs. */
  readonly onFatal: (error: unknown) => void;
}

/** What has been taken and not begun by then goes back: another worker may be idle. */
const longestPrefetchMs = 1_000;

/** What Graphile Worker sets when somebody migrates its tables. */
const exitCodeOfMigration = 57;

/** A pool of Graphile Worker, the one place where it runs. */
export interface GraphilePool {
  readonly id: string;
  /** How many jobs it was given and has not written back. */
  readonly heldCount: number;
  /** Whether it was given this job and has not written it back. */
  holds(jobId: string): boolean;
  /** Lets up to `count` idle workers fetch a job now. */
  nudge(count: number): void;
  /** Takes no more jobs, waits for those that run, and for what became of them to be written. */
  stop(): Promise<void>;
  /** Ends what watches over it. Part of a stop; for a pool that has ended by itself. */
  unwatch(): Promise<void>;
}

/** Jobs whose end is being written, beside those that run and those of two fetches. */
const spareCount = 1_000;
/** A keyed job that has waited for longer is looked up before it begins. */
const freshMs = 10;

export async function startGraphilePool(options: GraphilePoolOptions): Promise<GraphilePool> {
  const { Logger: GraphileLogger, runTaskList } = await import("graphile-worker");
  const { concurrency, pollIntervalMs } = options;
  const prefetch = options.prefetch > 0 ? Math.max(options.prefetch, concurrency) : 0;
  const events: WorkerEvents = new EventEmitter();
  let mayBeMore = false;
  let isFetching = false;
  /** Once for all that end together. Graphile Worker by itself would wait for its poll. */
  const fetchMore = () => {
    if (!mayBeMore || isFetching) return;
    isFetching = true;
    setImmediate(() => {
      isFetching = false;
      mayBeMore = false;
      nudge(1);
    });
  };
  const slots = createSlots(concurrency, fetchMore);
  const onMore = () => {
    mayBeMore = true;
    if (slots.allowed() > 0) fetchMore();
  };
  const memory = createHangMemory(spareCount + 2 * (concurrency + mostTaken(prefetch)));
  const held = createHeldJobs(memory);
  const connection = watchConnection(options.pgPool, {
    ...options,
    held,
    onReopened: () => nudge(concurrency),
    isEnding: () => !takesJobs,
    prefetch: prefetch > 0 ? { size: createFetchSize(prefetch), slots, onMore } : undefined,
    // Jobs of one named queue may have taken the places of all others in the batch; only the first of them was given out.
    onQueuedTaken: () => prefetch > 0 && nudge(1),
  });

  const run = async (job: LockedJob) => {
    const holding = held.arrive(job.jobId);
    if (holding === undefined) return options.run(job);
    try {
      await held.turn(holding);
      const isOutdated = job.isKeyed && performance.now() - holding.heldAt > freshMs && (await hasNewer(job));
      // Others may have it by now. What Graphile Worker writes of its end is left out.
      if (!held.begin(holding)) return;
      const ended = slots.began();
      try {
        if (!isOutdated) await options.run(job);
      } finally {
        ended();
      }
    } finally {
      holding.stage = "over";
    }
  };

  /** It was fetched ahead, and the newer one may have run elsewhere by now. What cannot be asked is run. */
  const hasNewer = async ({ jobId, task }: LockedJob) => {
    const isOutdated = await isSuperseded(withQueryTimeout(options.pgPool, promptlyMs), jobId).catch(() => false);
    if (isOutdated) options.logger.debug({ task, jobId }, "a newer job has taken the key of this one; it is not run");
    return isOutdated;
  };

  let takesJobs = true;
  let isStopping = false;
  const nudge = (count: number) => {
    // A pool that shuts down answers a nudge with an assertion.
    if (takesJobs) pool.nudge(count);
  };
  events.on("pool:gracefulShutdown", () => {
    takesJobs = false;
    if (isStopping) return;
    // Whoever starts the pool again decides whether the process has failed.
    if (process.exitCode === exitCodeOfMigration) process.exitCode = undefined;
    options.onFatal(
      new Error("Graphile Worker has shut its pool down: its tables were migrated, or it could not go on."),
    );
  });
  events.on("pool:forcefulShutdown", () => (takesJobs = false));
  events.on("pool:listen:success", ({ client }) => onceItListens(client, () => nudge(concurrency)));
  events.on("pool:fatalError", ({ error }) => options.onFatal(error));

  const pool: WorkerPool = runTaskList(
    {
      concurrency,
      pollInterval: pollIntervalMs,
      noHandleSignals: true,
      // Otherwise GRAPHILE_WORKER_SCHEMA would say where: jobs are added here all the same.
      schema: graphileSchema,
      events,
      logger: new GraphileLogger(() => toGraphileLog(options.logger)),
      preset: {
        // Unbatched, one failed completion write is an unhandled rejection that ends the process.
        worker: {
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          ...(prefetch > 0 && { localQueue: { size: prefetch, ttl: longestPrefetchMs } }),
        },
      },
    },
    Object.fromEntries(options.tasks.map((name) => [name, (_payload, { job }) => run(toLockedJob(job))])),
    connection.pool,
  );
  // What goes wrong arrives as onFatal; the pool's own promise may resolve, reject or stay open.
  pool.promise.catch(() => undefined);
  const watch = startHangWatch({
    ...options,
    memory,
    poolId: pool.id,
    onRoundOver: () => {
      held.passTakenBack();
      if (held.reopens()) nudge(concurrency);
    },
  });

  const shutDown = async () => {
    try {
      await pool.gracefulShutdown();
    } catch {
      // Graphile Worker 0.18 fails when it gives back what it had prefetched ("already released"), and does not wait for it.
      await connection.settled();
    }
  };

  return {
    id: pool.id,
    get heldCount() {
      return held.size;
    },
    holds: (jobId) => held.has(jobId),
    nudge,
    async stop() {
      isStopping = true;
      try {
        await shutDown();
        if (held.size > 0) throw new Error(`The database was not told what became of ${held.size} jobs.`);
      } finally {
        await watch.stop();
      }
    },
    unwatch: () => watch.stop(),
  };
}

/** A job that was added while nobody listened has been announced to nobody: fetch once as soon as somebody does. */
function onceItListens(client: PoolClient, fetch: () => void): void {
  // The event comes just before LISTEN is sent; this query waits in line behind it.
  setImmediate(() => {
    client.query("select").then(
      fetch,
      // The pool notices the lost connection by itself, and listens again.
      () => undefined,
    );
  });
}

function toLockedJob(job: GraphileJob): LockedJob {
  return {
    jobId: job.id,
    task: job.task_identifier,
    lockCount: job.attempts,
    payload: job.payload,
    isQueued: job.job_queue_id !== null,
    isKeyed: job.key !== null,
    // Text on our connection, whatever Graphile Worker's types say.
    id: idOfJob(job.flags as unknown as string | null),
  };
}

/** Graphile Worker's lines about single jobs carry the job itself, payload included: ours take their place. */
function toGraphileLog(logger: Logger) {
  return (level: string, message: string, meta?: Record<string, unknown>) => {
    const isAboutOneJob = meta !== undefined && ("job" in meta || "jobs" in meta || "specs" in meta);
    if (isAboutOneJob || (level !== "error" && level !== "warning")) return;
    // Not as "level", by which a logger tells its own.
    logger.debug({ source: "graphile-worker", severity: level }, message);
  };
}
