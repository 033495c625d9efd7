import { setTimeout as pause } from "node:timers/promises";
import { startGraphilePool, type GraphilePool, type LockedJob } from "../graphile-pool.ts";
import { isUnreachable } from "../unreachable.ts";
import { within } from "../within.ts";
import type { JobRunner } from "./job-runner.ts";
import { createSettlement } from "./settlement.ts";
import { startWorkerSession } from "./worker-session.ts";
import type { WorkerOptions, WorkerParts, WorkerState } from "./worker.ts";

/** Keeps one pool of Graphile Worker running, and replaces it when it cannot go on. */
export interface PoolKeeper {
  readonly state: Extract<WorkerState, "starting" | "running" | "recovering">;
  /** Resolves with whether everything was written within the time. */
  stop(withinMs: number): Promise<boolean>;
}

const restartMs = 250;
/** Jobs of a broken pool that run longer than this may be run a second time beside themselves. */
const longestFarewellMs = 60_000;
/** Delays up to this long wake the worker at the due time; for longer ones the poll is exact enough. */
const longestWakeMs = 60_000;

export async function startPoolKeeper(
  parts: WorkerParts,
  options: WorkerOptions,
  runner: JobRunner,
  { tasks, givingUp }: { readonly tasks: readonly string[]; readonly givingUp: AbortController },
): Promise<PoolKeeper> {
  const { pool: pgPool, logger } = parts;
  const { concurrency = 10, pollIntervalMs = 1_000, heartbeatMs = 1_000, deadAfterMs = 3_000 } = options;
  const stopping = new AbortController();
  let current: GraphilePool | undefined;
  let starting: Promise<void> | undefined;
  const farewells = new Set<Promise<void>>();
  let state: PoolKeeper["state"] = "starting";

  const wakeIn = (delayMs: number) => {
    if (delayMs <= longestWakeMs) setTimeout(() => nudge(1), Math.ceil(delayMs) + 1).unref();
  };
  const nudge = (count: number) => {
    if (!stopping.signal.aborted) current?.nudge(count);
  };
  const settlement = createSettlement({ db: pgPool, logger, onRescheduled: wakeIn, giveUp: givingUp.signal });
  const session = startWorkerSession({
    pool: pgPool,
    logger,
    heartbeatMs,
    deadAfterMs,
    onRecovered: nudge,
    onHealth: (isHealthy) => {
      if (current !== undefined) state = isHealthy ? "running" : "recovering";
    },
  });

  const onEnded = (job: LockedJob, error: unknown) => {
    if (error !== undefined) settlement.settle(job);
    else if (job.lockCount > 1) settlement.forget(job);
    // Graphile Worker looks for the queue's next job before the queue is free, finds none and waits for its next poll.
    if (job.isQueued) settlement.whenReleased(job, () => nudge(1));
  };

  const startPool = async () => {
    const runs = new Set<Promise<void>>();
    const run = (job: LockedJob) => {
      const running = runner.run(job, settlement.note);
      runs.add(running);
      const forget = () => runs.delete(running);
      running.then(forget, forget);
      return running;
    };
    const poolNow = await startGraphilePool({
      pgPool,
      tasks,
      concurrency,
      pollIntervalMs,
      logger,
      onCreated: (poolId) => session.register(poolId),
      run,
      onEnded,
      giveUp: givingUp.signal,
      onFatal: (error) => replace(poolNow, error, runs),
    });
    current = poolNow;
    state = "running";
    logger.info({ tasks, concurrency }, "worker started");
  };

  const replace = (broken: GraphilePool, error: unknown, runs: ReadonlySet<Promise<void>>) => {
    if (current !== broken || stopping.signal.aborted) return;
    logger.warn({ err: error }, "the worker could not write what became of a job; it starts over");
    current = undefined;
    state = "recovering";
    const farewell = abandon(broken, runs).finally(() => farewells.delete(farewell));
    farewells.add(farewell);
    starting = startUntilItRuns();
  };

  /** Once its other jobs have ended, what they could not write is recovered like a dead worker's. */
  const abandon = async (broken: GraphilePool, runs: ReadonlySet<Promise<void>>) => {
    await within(longestFarewellMs, Promise.allSettled(runs)).catch(() => undefined);
    await pause(restartMs);
    await session.abandon(broken.id);
  };

  const writeEverything = async () => {
    await starting;
    await current?.stop();
    await Promise.all(farewells);
    await settlement.drain();
  };

  const startUntilItRuns = async () => {
    while (!stopping.signal.aborted) {
      try {
        await parts.prepare();
        if (!stopping.signal.aborted) await startPool();
        return;
      } catch (error) {
        if (!isUnreachable(error)) logger.error({ err: error }, "the worker cannot start; it keeps trying");
        await pause(restartMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  };

  try {
    await parts.prepare();
    await startPool();
  } catch (error) {
    if (!isUnreachable(error)) {
      await session.stop({ isClean: true });
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
      const isWritten = await within(withinMs, writeEverything()).then(
        () => true,
        () => false,
      );
      givingUp.abort();
      await session.stop({ isClean: isWritten });
      return isWritten;
    },
  };
}
