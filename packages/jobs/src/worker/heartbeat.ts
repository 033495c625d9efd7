import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pg";
import type { Logger } from "@acme/shared/logger";
import { withQueryTimeout } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import { withTimeout } from "@acme/shared/timeout";
import { createGrace } from "./grace.ts";
import { findDeadWorkers, readStoredHeartbeats, sweepFailures, type Suspects } from "./recover-dead-workers.ts";
import { createRecovery } from "./recovery.ts";
import { HeartbeatSession } from "./heartbeat-session.ts";
import { createOwnPools } from "./own-pools.ts";
import type { Life } from "./about-worker.ts";
import { showLife } from "./worker-registry.ts";

export interface HeartbeatOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
  /** What the worker says about itself now. */
  readonly life: () => Life;
  readonly onRecovered: (jobCount: number) => void;
  /** Called if another database has replaced the one of a pool. Its tasks and jobs may have the same ids as the old ones. */
  readonly onReplaced: (poolId: string) => void;
  /** Called after each heartbeat, with a failure if it could not be sent. */
  readonly onBeat: (failure?: { readonly error: unknown }) => void;
}

/** Shows other workers that this one lives, and recovers the jobs of dead workers. */
export interface Heartbeat {
  /** Resolves when the pool is registered and its lock is held. Only then may the pool lock jobs. */
  register(poolId: string): Promise<void>;
  /** Declares a pool of this worker dead. Resolves when the jobs it has left locked can run again. */
  abandon(poolId: string): Promise<void>;
  /**
   * If the stop was not clean, or the database could not be told, another worker recovers the jobs that are still locked.
   *
   * @param options.mayHaveLostLocks - Jobs may be locked that no pool of this worker knows of. They are returned.
   */
  stop(options: { readonly isClean: boolean; readonly mayHaveLostLocks: boolean }): Promise<void>;
}

/** A network that has gone silent gives no answer, not even an error. */
const longestAnswerMs = 5_000;
/** A database that has not taken the ends of jobs may not answer this either. Without it, others find out by themselves. */
const longestDeathMs = 1_000;
/** The longest pause after a failed heartbeat. */
const longestRestMs = 1_000;

export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { pool, logger, heartbeatMs, deadAfterMs } = options;
  const stopping = new AbortController();
  const pools = createOwnPools(() => beatNow.abort());
  const session = new HeartbeatSession(pool, { longestAnswerMs });
  const grace = createGrace({ deadAfterMs, longestBeatMs: longestAnswerMs });
  const sweeper = createSweeper(pool);
  let beatNow = new AbortController();
  const recovery = createRecovery({ ...options, longestAnswerMs, onGone: pools.onGone });

  const beat = async () => {
    const { isConnected } = session;
    const { living } = pools;
    const db = await session.connect((next) => show(next, living));
    grace.beginBeat({ isConnected });
    for (const poolId of living) await session.hold(db, poolId);
    for (const [poolId, installationId] of await show(db, living)) pools.onRegistered(poolId, installationId);
    const released = pools.abandoned;
    await session.release(db, released);
    const suspects = await whoMayBeDead(db);
    const dead = await findDeadWorkers(db, suspects);
    recovery.begin({ dead, suspects, released });
    sweeper.begin();
  };

  /** @returns those that are registered, each with its database. */
  const show = async (db: Queryable, poolIds: readonly string[]): Promise<[string, string][]> => {
    const registered: [string, string][] = [];
    for (const poolId of poolIds) {
      const installationId = pools.installationOf(poolId);
      const now = await showLife(db, { poolId, installationId }, options.life());
      if (installationId !== undefined && now !== installationId) options.onReplaced(poolId);
      else registered.push([poolId, now]);
    }
    return registered;
  };

  const whoMayBeDead = async (db: Queryable): Promise<Suspects> => {
    const ownPoolIds = pools.living;
    if (grace.isOver) return { ownPoolIds, deadAfterMs, unchanged: [] };
    return { ownPoolIds, deadAfterMs: undefined, unchanged: grace.unchangedAmong(await readStoredHeartbeats(db)) };
  };

  /** @returns how many milliseconds to rest */
  const tryToBeat = async (): Promise<number> => {
    try {
      await beat();
      grace.endBeat({ isGiven: true });
      options.onBeat(recovery.failure ?? sweeper.failure);
      return heartbeatMs;
    } catch (error) {
      session.loseAfter(error);
      grace.endBeat({ isGiven: false });
      options.onBeat({ error });
      logger.debug({ err: error }, "worker heartbeat failed; it is tried again");
      return Math.min(heartbeatMs, longestRestMs);
    }
  };

  const loop = async () => {
    while (!stopping.signal.aborted) {
      beatNow = new AbortController();
      const { signal } = beatNow;
      const beganAt = performance.now();
      const restMs = await tryToBeat();
      const leftMs = Math.max(0, restMs - (performance.now() - beganAt));
      await pause(leftMs, undefined, { signal }).catch(() => undefined);
    }
  };
  const finished = loop();

  return {
    register: pools.register,
    abandon: pools.abandon,
    async stop({ isClean, mayHaveLostLocks }) {
      stopping.abort();
      beatNow.abort();
      const limitMs = isClean ? longestAnswerMs : longestDeathMs;
      const underWay = Promise.all([finished, recovery.finished, sweeper.finished]);
      await withTimeout(limitMs, underWay).catch(() => undefined);
      const mayLeave = isClean && pools.abandoned.length === 0;
      const poolIds = [...pools.living, ...pools.abandoned];
      const leaving = mayLeave ? session.leave(poolIds, { mayHaveLostLocks }) : session.die(poolIds);
      await withTimeout(limitMs, leaving).catch(() => undefined);
      session.lose();
    },
  };
}

/** Does not use the heartbeat connection: a sweep may have to wait for locks of other transactions. */
function createSweeper(pool: Pool) {
  let finished: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;

  const sweep = async () => {
    try {
      await sweepFailures(withQueryTimeout(pool));
      failure = undefined;
    } catch (error) {
      failure = { error };
    }
  };

  return {
    /** Only one sweep runs at a time. */
    begin: () => void (finished ??= sweep().finally(() => (finished = undefined))),
    get finished() {
      return finished;
    },
    get failure() {
      return failure;
    },
  };
}
