import { setTimeout as pause } from "node:timers/promises";
import { Pool } from "pg";
import type { Logger } from "../logger.ts";
import { guard } from "../database/lazy-pool.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import { beginTransaction } from "../database/transaction.ts";
import { isUnreachable } from "../database/database-errors.ts";
import { withTimeout } from "../timeout.ts";
import { createGrace } from "./grace.ts";
import {
  findDeadWorkers,
  readSignsOfLife,
  recoverDeadWorker,
  sweepFailures,
  type Suspects,
} from "./recover-dead-workers.ts";
import { connectSession, type SessionConnection } from "./session-connection.ts";
import {
  declareDead,
  freeLock,
  leave,
  leaveAndGiveBack,
  registeredAmong,
  showLife,
  tryLock,
} from "./worker-registry.ts";

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
/**
 * A process that hangs between two statements would keep the jobs of the dead for as long as it lives. A row that somebody has locked would keep those of
 * the other dead workers.
 */
const recoverySettings = "set local idle_in_transaction_session_timeout = 5000; set local lock_timeout = 2000";
const recoveryStatementMs = 30_000;

export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { pool, logger, heartbeatMs, deadAfterMs } = options;
  const stopping = new AbortController();
  const living = new Map<string, { registered: () => void }>();
  const abandoned = new Map<string, { recovered: () => void }>();
  let session: SessionConnection | undefined;
  let installationId: string | undefined;
  let held = new Set<string>();
  let beatNow = new AbortController();
  let recovering: Promise<void> | undefined;
  let sweeping: Promise<void> | undefined;
  let sweepFailure: { readonly error: unknown } | undefined;
  let recoveryFailure: { readonly error: unknown } | undefined;
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
    if (dead.length > 0 || released.length > 0)
      recovering ??= recover(dead, suspects, released).finally(() => (recovering = undefined));
    else recoveryFailure = undefined;
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

  // Over a connection of its own: a process that hangs in it may lose that, and not the one that shows its life.
  const recover = async (dead: readonly string[], suspects: Suspects, released: readonly string[]) => {
    const own = guard(new Pool(pool.options));
    own.options.connectionTimeoutMillis ||= longestAnswerMs;
    let failure: { readonly error: unknown } | undefined;
    let jobCount = 0;
    const attempt = async (work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        failure = { error };
        logger.debug({ err: error }, "jobs of a dead worker could not be recovered; it is tried again");
      }
    };
    for (const poolId of dead) await attempt(async () => void (jobCount += await recoverOne(own, suspects, poolId)));
    await attempt(() => confirmRecovered(own, released));
    own.end().catch(() => undefined);
    recoveryFailure = failure;
    if (jobCount === 0) return;
    logger.warn({ jobCount }, "jobs of a dead worker run again");
    options.onRecovered(jobCount);
  };

  /** Others may have been about to recover them. */
  const confirmRecovered = async (db: Pool, released: readonly string[]) => {
    if (released.length === 0) return;
    const left = await registeredAmong(withQueryTimeout(db, longestAnswerMs), released);
    for (const poolId of released.filter((each) => !left.includes(each))) {
      abandoned.get(poolId)?.recovered();
      abandoned.delete(poolId);
    }
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
        options.onBeat(recoveryFailure ?? sweepFailure);
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
      await withTimeout(longestAnswerMs, Promise.all([finished, recovering, sweeping])).catch(() => undefined);
      const mayLeave = isClean && abandoned.size === 0;
      const leaving = mayLeave && mayHaveLostLocks ? goWithoutLocks() : sayGoodbye(mayLeave ? leave : declareDead);
      await withTimeout(longestAnswerMs, leaving).catch(() => undefined);
      lose();
    },
  };
}

async function recoverOne(pool: Pool, suspects: Suspects, poolId: string): Promise<number> {
  await using transaction = await beginTransaction(pool, {
    settings: recoverySettings,
    statementMs: recoveryStatementMs,
  });
  const jobCount = await recoverDeadWorker(transaction, suspects, poolId);
  await transaction.commit();
  return jobCount;
}
