import { EventEmitter } from "node:events";
import type { WorkerEvents, WorkerPool } from "graphile-worker";
import type { Pool } from "pg";
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
import { interceptQueries } from "./query-interceptor.ts";
import { createHeldJobRun } from "./run-held-job.ts";
import { graphileSchema } from "./schema.ts";
import { createSlots } from "./slots.ts";

export interface GraphilePoolOptions {
  readonly pgPool: Pool;
  readonly tasks: readonly string[];
  readonly concurrency: number;
  readonly pollIntervalMs: number;
  /** Jobs fetched at once, at least as many as run at once; 0 fetches each by itself. */
  readonly prefetch: number;
  /** Milliseconds after which an event loop that does not turn loses what has not begun. */
  readonly hungAfterMs: number;
  readonly logger: Logger;
  readonly run: (job: LockedJob) => Promise<void>;
  readonly observer: PoolObserver;
  /** Aborted when nobody waits for the last writes any more. */
  readonly giveUp: AbortSignal;
  /** The worker stops, and needs no more jobs. */
  readonly stopSignal: AbortSignal;
}

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
  /** Resolves when nothing about its jobs is being written. */
  settled(): Promise<void>;
  /** Ends what watches over it. Part of a stop; for a pool that has ended by itself. */
  unwatch(): Promise<void>;
}

/** What has been fetched and not begun by then goes back: another worker may be idle. */
const longestPrefetchMs = 1_000;
/** Jobs whose end is being written, beside those that run and those of two fetches. */
const spareCount = 1_000;

export async function startGraphilePool(options: GraphilePoolOptions): Promise<GraphilePool> {
  const { Logger: GraphileLogger, runTaskList } = await import("graphile-worker");
  const { pgPool, concurrency, logger } = options;
  const prefetch = options.prefetch > 0 ? Math.max(options.prefetch, concurrency) : 0;
  const events: WorkerEvents = new EventEmitter();
  const lifecycle = observePool(events, { observer: options.observer, onListening: () => nudge() });
  // A pool that shuts down answers a nudge with an assertion.
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
      // Otherwise GRAPHILE_WORKER_SCHEMA would say where: jobs are added here all the same.
      schema: graphileSchema,
      events,
      logger: new GraphileLogger(() => toGraphileLog(logger)),
      preset: {
        // Unbatched, one failed completion write is an unhandled rejection that ends the process.
        worker: {
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          ...(prefetch > 0 && { localQueue: { size: prefetch, ttl: longestPrefetchMs } }),
        },
      },
    },
    Object.fromEntries(options.tasks.map((name) => [name, (_payload, { job }) => run(job)])),
    intercepted.pool,
  );
  // What goes wrong arrives as onFatal; the pool's own promise may resolve, reject or stay open.
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
      // Graphile Worker 0.18 fails when it gives back what it had prefetched ("already released"), and does not wait for it.
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
        if (held.size > 0) throw new Error(`The database was not told what became of ${held.size} jobs.`);
      } finally {
        await watch.stop();
      }
    },
    settled: intercepted.settled,
    unwatch: () => watch.stop(),
  };
}
