import { EventEmitter } from "node:events";
import type { WorkerEvents, WorkerPool } from "graphile-worker";
import type { Pool } from "pg";
import { replaceCorrelation } from "@acme/shared/correlation";
import type { Logger } from "@acme/shared/logger";
import { createFetchAgain } from "./fetch-again.ts";
import { createFetchSize, mostTaken } from "./fetch-size.ts";
import { toGraphileLog } from "./graphile-log.ts";
import { createHangMemory } from "./hang-memory.ts";
import { startHangWatch } from "./hang-watch.ts";
import { HeldJobs } from "./held-jobs.ts";
import type { LockedJob } from "./locked-job.ts";
import type { PoolObserver } from "./pool-observer.ts";
import { observePool } from "./pool-events.ts";
import type { FetchGate } from "./fetch-jobs.ts";
import { interceptQueries } from "./query-interceptor.ts";
import { createHeldJobRun } from "./run-held-job.ts";
import { graphileSchema } from "./schema.ts";
import { createSlots } from "./slots.ts";

export interface GraphilePoolOptions {
  readonly pgPool: Pool;
  readonly tasks: readonly string[];
  readonly concurrency: number;
  readonly pollIntervalMs: number;
  /** Jobs to fetch at once, at least as many as run at once. With 0, each job is fetched by itself. */
  readonly prefetch: number;
  readonly gate?: FetchGate | undefined;
  /** Milliseconds without a turn of the event loop after which jobs that have not begun are given back. */
  readonly hungAfterMs: number;
  readonly logger: Logger;
  readonly run: (job: LockedJob) => Promise<void>;
  readonly observer: PoolObserver;
  /** Aborted when the stop no longer waits for the last writes. */
  readonly giveUp: AbortSignal;
  /** Aborted when the worker stops and needs no more jobs. */
  readonly stopSignal: AbortSignal;
}

/** A pool of Graphile Worker. Only this file starts one. */
export interface GraphilePool {
  readonly id: string;
  /** How many jobs the pool holds. */
  readonly heldCount: number;
  /** Whether the pool holds this job. */
  holds(jobId: string): boolean;
  /** Lets up to `count` idle workers fetch a job now. */
  nudge(count: number): void;
  /** Fetches no more jobs, waits for those that run, and until their ends are written. */
  stop(): Promise<void>;
  /** Resolves when no write about jobs is under way. */
  settled(): Promise<void>;
  /** Ends the watch for hangs. A stop does it, too; call it for a pool that has ended by itself. */
  unwatch(): Promise<void>;
}

/** Jobs that have not begun by then are returned, because another worker may be idle. */
const longestPrefetchMs = 1_000;
/** Places for jobs whose end is being written, besides those that run and those of two fetches. */
const spareCount = 1_000;

export async function startGraphilePool(options: GraphilePoolOptions): Promise<GraphilePool> {
  const { Logger: GraphileLogger, runTaskList } = await import("graphile-worker");
  const { pgPool, concurrency, logger } = options;
  const prefetch = options.prefetch > 0 ? Math.max(options.prefetch, concurrency) : 0;
  const events: WorkerEvents = new EventEmitter();
  const lifecycle = observePool(events, { observer: options.observer, onListening: () => nudge() });
  // A nudge of a pool that shuts down fails an assertion.
  const nudge = (count = concurrency) => lifecycle.fetchesJobs && pool.nudge(count);

  const again = createFetchAgain({ hasRoom: () => slots.allowed() > 0, fetchOne: () => nudge(1) });
  const slots = createSlots(concurrency, again.onFree);
  const memory = createHangMemory(spareCount + 2 * (concurrency + mostTaken(prefetch)));
  const held = new HeldJobs(memory);
  const intercepted = interceptQueries(pgPool, {
    ...options,
    held,
    nudge,
    isEnding: () => !lifecycle.fetchesJobs,
    prefetch: prefetch > 0 ? { size: createFetchSize(prefetch), slots, onMore: again.onMore } : undefined,
  });
  const run = createHeldJobRun({ ...options, held, slots });

  const pool: WorkerPool = runTaskList(
    {
      concurrency,
      pollInterval: options.pollIntervalMs,
      noHandleSignals: true,
      // Otherwise the variable GRAPHILE_WORKER_SCHEMA would count, but jobs are added to this schema.
      schema: graphileSchema,
      events,
      logger: new GraphileLogger(() => toGraphileLog(logger)),
      preset: {
        // Batched, because a failed completion write without a batch is an unhandled rejection, which ends the process.
        worker: {
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          ...(prefetch > 0 && { localQueue: { size: prefetch, ttl: longestPrefetchMs } }),
        },
      },
    },
    Object.fromEntries(
      options.tasks.map((name) => [name, (_payload, { job }) => replaceCorrelation(undefined, () => run(job))]),
    ),
    intercepted.pool,
  );
  // Failures arrive through `onFatal`. The pool's own promise may resolve, reject or stay pending.
  pool.promise.catch(() => undefined);
  const watch = startHangWatch({
    ...options,
    memory,
    poolId: pool.id,
    onRoundOver: () => {
      held.passTakenBack();
      if (held.reopens()) nudge();
    },
  });

  const shutDown = async () => {
    try {
      await pool.gracefulShutdown();
    } catch {
      // Graphile Worker 0.18 fails ("already released") while it returns its prefetched jobs, and does not wait for that.
      await intercepted.settled();
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
      lifecycle.expectShutdown();
      try {
        await shutDown();
        if (held.size > 0) throw new Error(`The ends of ${held.size} jobs could not be written to the database.`);
      } finally {
        await watch.stop();
      }
    },
    settled: intercepted.settled,
    unwatch: () => watch.stop(),
  };
}
