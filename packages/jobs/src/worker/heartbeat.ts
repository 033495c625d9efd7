import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pg";
import type { Logger } from "../logger.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import { beginTransaction } from "../database/transaction.ts";
import { isUnreachable } from "../database/database-errors.ts";
import { withTimeout } from "../timeout.ts";
import { createGrace } from "./grace.ts";
import { findDeadWorkers, readSignsOfLife, sweepFailures, type Suspects } from "./recover-dead-workers.ts";
import { createRecovery } from "./recovery.ts";
import { connectSession, type SessionConnection } from "./session-connection.ts";
import { declareDead, freeLock, leave, leaveAndGiveBack, showLife, tryLock } from "./worker-registry.ts";

export interface HeartbeatOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
  readonly onRecovered: (jobCount: number) => void;
  /** Another database has taken the place of the one before, with tasks and jobs of its own under the same numbers. */
  readonly onReplaced: () => void;
  /** After each sign of life that was given, or was not. */
  readonly onBeat: (failure?: { readonly error: unknown }) => void;
}

/** What tells other workers that this one lives, and lets it look after those that do not. */
export interface Heartbeat {
  /** Resolves once the pool is registered, its lock held: only then may it lock jobs. */
  register(poolId: string): Promise<void>;
  /** Declares a pool of this worker dead. Resolves once whatever it had left locked can run again. */
  abandon(poolId: string): Promise<void>;
  /**
   * After a stop that was not clean, or of which the database could not be told, what is still locked is recovered by another worker.
   *
   * @param options.mayHaveLostLocks - jobs may be locked that no pool of this worker knows of: they go back
   */
  stop(options: { readonly isClean: boolean; readonly mayHaveLostLocks: boolean }): Promise<void>;
}

/** A network that has gone silent answers nothing, not even with an error. */
const longestAnswerMs = 5_000;
/** After a heartbeat that was not given. */
const longestRestMs = 1_000;

export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { pool, logger, heartbeatMs, deadAfterMs } = options;
  const stopping = new AbortController();
  const living = new Map<string, { registered: () => void }>();
  const abandoned = new Map<string, { recovered: () => void }>();
  let session: SessionConnection | undefined;
  let installationId: string | undefined;
  let held = new Set<string>();
  let beatNow = new AbortController();
  let sweeping: Promise<void> | undefined;
  let sweepFailure: { readonly error: unknown } | undefined;
  const recovery = createRecovery({
    ...options,
    longestAnswerMs,
    onGone(poolId) {
      abandoned.get(poolId)?.recovered();
      abandoned.delete(poolId);
    },
  });
  const grace = createGrace({ deadAfterMs, longestBeatMs: longestAnswerMs });

  const connect = async (): Promise<SessionConnection> => {
    held = new Set();
    session = connectSession(pool, longestAnswerMs);
    await session.ready;
    return session;
  };

  const lose = () => {
    session?.end();
    session = undefined;
  };

  const beat = async () => {
    const isConnected = session !== undefined;
    const db = session ?? (await connect());
    grace.beginBeat({ isConnected });
    for (const [poolId, { registered }] of living) {
      if (!held.has(poolId) && (await tryLock(db, poolId))) held.add(poolId);
      noticeReplacement(await showLife(db, poolId));
      registered();
    }
    const released = await releaseAbandoned(db);
    const suspects = await whoMayBeDead(db);
    const dead = await findDeadWorkers(db, suspects);
    recovery.begin({ dead, suspects, released });
    sweeping ??= sweep().finally(() => (sweeping = undefined));
  };

  const noticeReplacement = (now: string | undefined) => {
    const before = installationId;
    installationId = now;
    if (before !== undefined && now !== before) options.onReplaced();
  };

  const releaseAbandoned = async (db: Queryable) => {
    const released = [...abandoned.keys()];
    if (released.length > 0) await declareDead(db, released);
    for (const poolId of released) if (held.delete(poolId)) await freeLock(db, poolId);
    return released;
  };

  const whoMayBeDead = async (db: Queryable): Promise<Suspects> => {
    const ownPoolIds = [...living.keys()];
    if (grace.isOver) return { ownPoolIds, deadAfterMs, unchanged: [] };
    return { ownPoolIds, deadAfterMs: undefined, unchanged: grace.unchangedAmong(await readSignsOfLife(db)) };
  };

  // Not over the connection that shows the worker's life: what it settles may be locked by somebody.
  const sweep = async () => {
    try {
      await sweepFailures(withQueryTimeout(pool));
      sweepFailure = undefined;
    } catch (error) {
      sweepFailure = { error };
    }
  };

  const loop = async () => {
    while (!stopping.signal.aborted) {
      beatNow = new AbortController();
      const { signal } = beatNow;
      const beganAt = performance.now();
      let restMs = heartbeatMs;
      try {
        await beat();
        grace.endBeat({ isGiven: true });
        options.onBeat(recovery.failure ?? sweepFailure);
      } catch (error) {
        // Whoever has lost it may be taken for dead, so it is kept where it has answered.
        if (session?.isBroken !== false || isUnreachable(error)) lose();
        restMs = Math.min(heartbeatMs, longestRestMs);
        grace.endBeat({ isGiven: false });
        options.onBeat({ error });
        logger.debug({ err: error }, "worker heartbeat failed; it is tried again");
      }
      const leftMs = Math.max(0, restMs - (performance.now() - beganAt));
      await pause(leftMs, undefined, { signal }).catch(() => undefined);
    }
  };
  const finished = loop();
  const poolIds = () => [...living.keys(), ...abandoned.keys()];

  const sayGoodbye = async (how: typeof leave) => {
    try {
      await how(session ?? pool, poolIds());
    } catch {
      // Its own connection may have been lost since the last beat.
      await how(pool, poolIds());
    }
  };
  const goWithoutLocks = async () => {
    await using transaction = await beginTransaction(pool);
    await leaveAndGiveBack(transaction, poolIds());
    await transaction.commit();
  };

  return {
    register(poolId) {
      return new Promise((resolve) => {
        living.set(poolId, { registered: resolve });
        beatNow.abort();
      });
    },
    abandon(poolId) {
      return new Promise((resolve) => {
        living.delete(poolId);
        abandoned.set(poolId, { recovered: resolve });
        beatNow.abort();
      });
    },
    async stop({ isClean, mayHaveLostLocks }) {
      stopping.abort();
      beatNow.abort();
      await withTimeout(longestAnswerMs, Promise.all([finished, recovery.finished, sweeping])).catch(() => undefined);
      const mayLeave = isClean && abandoned.size === 0;
      const leaving = mayLeave && mayHaveLostLocks ? goWithoutLocks() : sayGoodbye(mayLeave ? leave : declareDead);
      await withTimeout(longestAnswerMs, leaving).catch(() => undefined);
      lose();
    },
  };
}
