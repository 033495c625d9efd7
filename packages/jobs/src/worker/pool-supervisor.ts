import { setTimeout as pause } from "node:timers/promises";
import { isTransient } from "../database/database-errors.ts";
import { untilAborted } from "@acme/shared/timeout";
import { lifeOf } from "./about-worker.ts";
import { startHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { createPoolObserver } from "./observe-pool.ts";
import type { JobRunner } from "./run-job.ts";
import { createSettlement, type Settlement } from "./settlement.ts";
import { startSupervisedPool, type SupervisedPool } from "./supervised-pool.ts";
import type { Dependency, WorkerHealth } from "./worker-health.ts";
import { wakeIn } from "./wake-in.ts";
import type { WorkerDependencies } from "./worker-dependencies.ts";
import type { WorkerSettings } from "./worker-options.ts";

/** Who runs the jobs, and who is told the end. */
export interface PoolSupervisorOptions {
  readonly runner: JobRunner;
  readonly health: WorkerHealth;
  /** Aborted by the supervisor when nobody waits for the last writes any more. */
  readonly givingUp: AbortController;
  /** Graphile Worker is another one than this package was written for. */
  readonly onUnknownEngine: (error: unknown) => void;
}

const restartMs = 250;
/** Synchronous work of less is no hang. */
const leastHungMs = 1_000;

/** Keeps one pool of Graphile Worker running, and replaces it when it cannot go on. */
export class PoolSupervisor {
  /** None before the first start, and while a broken one is replaced. */
  #pool: SupervisedPool | undefined;
  #hasRun = false;
  readonly #health: WorkerHealth;
  readonly #note: Readonly<Record<"start" | "beat" | "fetch", Dependency>>;

  readonly #dependencies: WorkerDependencies;
  readonly #settings: WorkerSettings;
  readonly #options: PoolSupervisorOptions;
  readonly #stopping = new AbortController();
  readonly #settlement: Settlement;
  readonly #heartbeat: Heartbeat;
  #starting: Promise<void> | undefined;
  readonly #draining = new Set<Promise<void>>();

  constructor(dependencies: WorkerDependencies, settings: WorkerSettings, options: PoolSupervisorOptions) {
    this.#dependencies = dependencies;
    this.#settings = settings;
    this.#options = options;
    this.#health = options.health;
    this.#note = { start: this.#health.depend(), beat: this.#health.depend(), fetch: this.#health.depend() };
    this.#settlement = createSettlement({
      ...dependencies,
      onNoted: this.#health.depend(),
      onRescheduled: (delayMs) => wakeIn(delayMs, () => this.#nudge(1)),
      giveUp: options.givingUp.signal,
    });
    this.#heartbeat = startHeartbeat({
      ...dependencies,
      ...settings,
      life: lifeOf(settings, options.runner),
      onRecovered: (jobCount) => this.#nudge(jobCount),
      onReplaced: (id) => id === this.#pool?.pool.id && this.#pool.breakOff("the jobs database has been replaced"),
      onBeat: (failure) => {
        // Before the tables are there, the heartbeat cannot but be refused.
        if (this.#pool !== undefined) this.#note.beat(failure, failure === undefined && this.#pool.makesProgress());
      },
    });
  }

  /**
   * `starting` until the first pool runs; then `running` while there is a pool, and nothing that the worker depends on has failed;
   * `recovering` otherwise.
   */
  get state(): "starting" | "running" | "recovering" {
    if (!this.#hasRun) return "starting";
    return this.#pool !== undefined && this.#health.isWell ? "running" : "recovering";
  }

  /** Resolves when the first pool runs, or at once if the jobs database cannot be reached: it keeps trying. */
  async start(): Promise<void> {
    try {
      await this.#dependencies.prepare();
      await this.#startPool();
    } catch (error) {
      if (!isTransient(error)) {
        await this.#heartbeat.stop({ isClean: true, mayHaveLostLocks: false });
        throw error;
      }
      this.#dependencies.logger.warn({ err: error }, "the jobs database cannot be reached; the worker keeps trying");
      this.#starting = this.#startUntilItRuns();
    }
  }

  /** Resolves with whether everything was written before the signal. */
  async stop(limit: AbortSignal): Promise<boolean> {
    this.#stopping.abort();
    const isWritten = await untilAborted(limit, this.#writeEverything()).then(
      () => true,
      (error: unknown) => {
        this.#dependencies.logger.warn({ err: error }, "the worker could not write everything before its end");
        return false;
      },
    );
    this.#options.givingUp.abort();
    await this.#pool?.pool.unwatch();
    await this.#heartbeat.stop({ isClean: isWritten, mayHaveLostLocks: this.#pool?.mayHaveLostLocks ?? false });
    return isWritten;
  }

  async #startPool(): Promise<void> {
    const { pool, logger, gate } = this.#dependencies;
    const { tasks, concurrency, heartbeatMs, deadAfterMs } = this.#settings;
    const settlement = this.#settlement.forPool();
    this.#pool = await startSupervisedPool({
      ...this.#settings,
      pgPool: pool,
      logger,
      gate,
      tasks: [...tasks.keys()],
      hungAfterMs: Math.max(leastHungMs, 2 * deadAfterMs),
      run: (job, onEnd) => this.#options.runner.run(job, settlement.intend, onEnd),
      checkLocksEveryMs: heartbeatMs,
      observer: createPoolObserver({
        settlement,
        heartbeat: this.#heartbeat,
        onFetched: this.#note.fetch,
        onWriteFailed: () => this.#health.depend(),
        stopSignal: this.#stopping.signal,
        nudge: (count) => this.#nudge(count),
        onUnknownEngine: this.#options.onUnknownEngine,
        onBroken: (...broken) => this.#replace(...broken),
      }),
      giveUp: this.#options.givingUp.signal,
      stopSignal: this.#stopping.signal,
    });
    this.#hasRun = true;
    this.#note.start();
    logger.info({ tasks: [...tasks.keys()], concurrency }, "worker started");
  }

  async #startUntilItRuns(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#dependencies.prepare();
        if (!signal.aborted) await this.#startPool();
        return;
      } catch (error) {
        this.#note.start({ error });
        await pause(restartMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #replace(broken: SupervisedPool, why: string, error?: unknown): void {
    if (this.#pool !== broken || this.#stopping.signal.aborted) return;
    this.#dependencies.logger.warn({ err: error }, `${why}; it starts over`);
    this.#pool = undefined;
    // What it has left locked is recovered like a dead worker's.
    const abandoned = broken.drain().then(() => this.#heartbeat.abandon(broken.pool.id));
    const drained = abandoned.finally(() => this.#draining.delete(drained));
    this.#draining.add(drained);
    this.#starting = this.#startUntilItRuns();
  }

  #nudge(count: number): void {
    if (!this.#stopping.signal.aborted) this.#pool?.pool.nudge(count);
  }

  async #writeEverything(): Promise<void> {
    await this.#starting;
    await this.#pool?.pool.stop();
    await Promise.all(this.#draining);
    await this.#settlement.drain();
  }
}
