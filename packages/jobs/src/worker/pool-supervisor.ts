import { setTimeout as pause } from "node:timers/promises";
import type { ReleasedJobs } from "../graphile/query-interceptor.ts";
import { isTransient } from "../database/database-errors.ts";
import { untilAborted, withTimeout } from "../timeout.ts";
import type { JobRunner } from "./run-job.ts";
import { startSupervisedPool, type SupervisedPool } from "./supervised-pool.ts";
import { createGiveUpTimer } from "./give-up-timer.ts";
import { createSettlement } from "./settlement.ts";
import { startHeartbeat } from "./heartbeat.ts";
import type { WorkerOptions, WorkerParts, WorkerState } from "./worker.ts";

/** Keeps one pool of Graphile Worker running, and replaces it when it cannot go on. */
export interface PoolSupervisor {
  readonly state: Extract<WorkerState, "starting" | "running" | "recovering">;
  /** Resolves with whether everything was written within the time. */
  stop(withinMs: number): Promise<boolean>;
}

/** What the supervisor is told, and whom it tells. */
export interface PoolSupervisorOptions extends WorkerOptions {
  readonly taskNames: readonly string[];
  readonly givingUp: AbortController;
  /** The database answers, but has refused for too long what the worker needs. */
  readonly onGiveUp: (refusal: unknown) => void;
}

const restartMs = 250;
/** Synchronous work of less is no hang. */
const leastHungMs = 1_000;
/** Delays up to this long wake the worker at the due time; for longer ones the poll is exact enough. */
const longestWakeMs = 60_000;

export async function startPoolSupervisor(
  parts: WorkerParts,
  runner: JobRunner,
  options: PoolSupervisorOptions,
): Promise<PoolSupervisor> {
  const { pool: pgPool, logger } = parts;
  const {
    concurrency = 25,
    prefetch = 100,
    pollIntervalMs = 1_000,
    heartbeatMs = 1_000,
    deadAfterMs = 3_000,
  } = options;
  const { taskNames: tasks, givingUp, giveUpAfterMs = 60_000, onGiveUp } = options;
  const stopping = new AbortController();
  let current: SupervisedPool | undefined;
  let starting: Promise<void> | undefined;
  const draining = new Set<Promise<void>>();
  let state: PoolSupervisor["state"] = "starting";
  let isBeating = true;
  const beats = createGiveUpTimer(giveUpAfterMs, onGiveUp);
  const fetches = createGiveUpTimer(giveUpAfterMs, onGiveUp);
  const starts = createGiveUpTimer(giveUpAfterMs, onGiveUp);

  const nudge = (count: number) => {
    if (!stopping.signal.aborted) current?.pool.nudge(count);
  };
  const wakeIn = (delayMs: number) => {
    if (delayMs <= longestWakeMs) setTimeout(() => nudge(1), Math.ceil(delayMs) + 1).unref();
  };
  const settlement = createSettlement({ pool: pgPool, logger, onRescheduled: wakeIn, giveUp: givingUp.signal });
  const heartbeat = startHeartbeat({
    pool: pgPool,
    logger,
    heartbeatMs,
    deadAfterMs,
    onRecovered: nudge,
    onReplaced: () => current && replace(current, "the jobs database has been replaced by another one"),
    onBeat: (failure) => {
      // Before the tables are there, the heartbeat cannot but be refused.
      if (current === undefined) return;
      isBeating = failure === undefined && current.makesProgress();
      state = isBeating ? "running" : "recovering";
      beats.note(failure?.error);
    },
  });

  const onReleased = ({ how, jobs }: ReleasedJobs) => {
    if (how === "failed") settlement.settle(idsOf(jobs));
    const repeated = how === "completed" ? jobs.filter(({ attempts }) => attempts > 1) : [];
    if (repeated.length > 0) settlement.forget(idsOf(repeated));
    // Graphile Worker looks for the queue's next job before the queue is free, finds none and waits for its next poll.
    const queuedCount = jobs.reduce((count, job) => (job.job_queue_id === null ? count : count + 1), 0);
    if (queuedCount > 0) nudge(queuedCount);
  };

  const startPool = async () => {
    current = await startSupervisedPool({
      pgPool,
      tasks,
      concurrency,
      pollIntervalMs,
      prefetch,
      hungAfterMs: Math.max(leastHungMs, 2 * deadAfterMs),
      logger,
      run: (job, onEnd) => runner.run(job, settlement.intend, onEnd),
      // A database that is away must not keep a pool from stopping before it has begun.
      onFirstTake: (poolId) => untilAborted(heartbeat.register(poolId), stopping.signal),
      onReleased,
      onDisowned: settlement.drop,
      onUnknown: onGiveUp,
      onFetched: (failure) => {
        fetches.note(failure?.error);
        // A heartbeat may be a long time off.
        if (current !== undefined) state = failure === undefined && isBeating ? "running" : "recovering";
      },
      beforeFailing: settlement.note,
      giveUp: givingUp.signal,
      checkLocksEveryMs: heartbeatMs,
      stopSignal: stopping.signal,
      onBroken: replace,
    });
    state = "running";
    logger.info({ tasks, concurrency }, "worker started");
  };

  const replace = (broken: SupervisedPool, why: string, error?: unknown) => {
    if (current !== broken || stopping.signal.aborted) return;
    logger.warn({ err: error }, `${why}; it starts over`);
    current = undefined;
    state = "recovering";
    const drained = drainAndAbandon(broken).finally(() => draining.delete(drained));
    draining.add(drained);
    starting = startUntilItRuns();
  };

  /** What it has left locked is recovered like a dead worker's. */
  const drainAndAbandon = async (broken: SupervisedPool) => {
    await broken.drain();
    await heartbeat.abandon(broken.pool.id);
  };

  const writeEverything = async () => {
    await starting;
    await current?.pool.stop();
    await Promise.all(draining);
    await settlement.drain();
  };

  const startUntilItRuns = async () => {
    while (!stopping.signal.aborted) {
      try {
        await parts.prepare();
        if (!stopping.signal.aborted) await startPool();
        return starts.note();
      } catch (error) {
        starts.note(error);
        await pause(restartMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  };

  try {
    await parts.prepare();
    await startPool();
  } catch (error) {
    if (!isTransient(error)) {
      await heartbeat.stop({ isClean: true, mayHaveLostLocks: false });
      throw error;
    }
    logger.warn({ err: error }, "the jobs database cannot be reached; the worker keeps trying");
    starting = startUntilItRuns();
  }

  return {
    get state() {
      return state;
    },
    async stop(withinMs) {
      stopping.abort();
      const isWritten = await withTimeout(withinMs, writeEverything()).then(
        () => true,
        (error: unknown) => {
          logger.warn({ err: error }, "the worker could not write everything before its end");
          return false;
        },
      );
      givingUp.abort();
      await current?.pool.unwatch();
      await heartbeat.stop({ isClean: isWritten, mayHaveLostLocks: current?.mayHaveLostLocks ?? false });
      return isWritten;
    },
  };
}

function idsOf(jobs: ReleasedJobs["jobs"]): string[] {
  return jobs.map(({ id }) => id);
}
