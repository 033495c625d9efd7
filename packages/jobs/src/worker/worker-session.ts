import { setTimeout as pause } from "node:timers/promises";
import { Client, type Pool } from "pg";
import { isTrue } from "../is-true.ts";
import type { Logger } from "../logger.ts";
import { within } from "../within.ts";
import { createGrace } from "./grace.ts";
import { readSignsOfLife, recoverDeadWorkers, sweepFailures } from "./recovery.ts";

export interface WorkerSessionOptions {
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
export interface WorkerSession {
  /** Resolves once the pool is registered, its lock held: only then may it lock jobs. */
  register(poolId: string): Promise<void>;
  /** Declares a pool of this worker dead. Resolves once whatever it had left locked can run again. */
  abandon(poolId: string): Promise<void>;
  /** After a stop that was not clean, what is still locked is recovered by the next sweep of any worker. */
  stop(options: { readonly isClean: boolean }): Promise<void>;
}

/** A host that vanishes frees its lock when the server gives its connection up: within about 12 s with these. */
const keepAliveSettings = [
  "set tcp_keepalives_idle = 4",
  "set tcp_keepalives_interval = 2",
  "set tcp_keepalives_count = 4",
  "set tcp_user_timeout = 12000",
];

/** A network that has gone silent answers nothing, not even with an error. */
const longestBeatMs = 5_000;

export function startWorkerSession(options: WorkerSessionOptions): WorkerSession {
  const { pool, logger, heartbeatMs, deadAfterMs } = options;
  const stopping = new AbortController();
  const living = new Map<string, { registered: () => void }>();
  const abandoned = new Map<string, { recovered: () => void }>();
  let client: Client | undefined;
  let installationId: string | undefined;
  let held = new Set<string>();
  let beatNow = new AbortController();
  const grace = createGrace({ deadAfterMs, longestBeatMs });

  const connect = async (): Promise<Client> => {
    // Not one of the pool's: the code of jobs may use those, and a worker must not look dead because it is busy.
    const connected = new Client(pool.options);
    connected.on("error", () => undefined);
    client = connected;
    held = new Set();
    await connected.connect();
    // Not every platform has each of them.
    for (const setting of keepAliveSettings) await connected.query(setting).catch(() => undefined);
    return connected;
  };

  const lose = () => {
    client?.end().catch(() => undefined);
    client = undefined;
  };

  const beat = async () => {
    const isConnected = client !== undefined;
    const session = client ?? (await connect());
    // A beat that was given up goes on: what it learns late is of a session that is no more.
    const heldHere = held;
    grace.beginBeat({ isConnected });
    for (const [poolId, { registered }] of living) {
      if (!heldHere.has(poolId) && (await tryLock(session, poolId))) heldHere.add(poolId);
      await session.query(
        `insert into acme_jobs.workers (pool_id) values ($1)
         on conflict (pool_id) do update set heartbeat_at = clock_timestamp()`,
        [poolId],
      );
      registered();
    }
    await noticeReplacement(session);
    const recoveredPools = [...abandoned];
    await releaseAbandoned(session);
    const jobCount = await recoverJobs(session);
    for (const [poolId, { recovered }] of recoveredPools) {
      abandoned.delete(poolId);
      recovered();
    }
    if (jobCount > 0) {
      logger.warn({ jobCount }, "jobs of a dead worker run again");
      options.onRecovered(jobCount);
    }
    await sweepFailures(session);
  };

  const noticeReplacement = async (session: Client) => {
    const { rows } = await session.query<{ id: string }>("select id::text from acme_jobs.installation");
    const before = installationId;
    installationId = rows[0]?.id;
    if (before !== undefined && installationId !== before) options.onReplaced();
  };

  const recoverJobs = async (session: Client) => {
    const ownPoolIds = [...living.keys()];
    if (grace.isOver) return recoverDeadWorkers(session, ownPoolIds, deadAfterMs);
    const unchanged = grace.unchangedAmong(await readSignsOfLife(session));
    return recoverDeadWorkers(session, ownPoolIds, undefined, unchanged);
  };

  const releaseAbandoned = async (session: Client) => {
    for (const poolId of abandoned.keys()) {
      await session.query("update acme_jobs.workers set heartbeat_at = '-infinity' where pool_id = $1", [poolId]);
      if (held.delete(poolId)) {
        await session.query("select pg_advisory_unlock(hashtextextended('acme_jobs:worker:' || $1, 0))", [poolId]);
      }
    }
  };

  const loop = async () => {
    while (!stopping.signal.aborted) {
      beatNow = new AbortController();
      const rest = pause(heartbeatMs, undefined, { signal: beatNow.signal }).catch(() => undefined);
      try {
        await within(longestBeatMs, beat());
        grace.endBeat({ isGiven: true });
        options.onBeat();
      } catch (error) {
        lose();
        grace.endBeat({ isGiven: false });
        options.onBeat({ error });
        logger.debug({ err: error }, "worker heartbeat failed; it is tried again");
      }
      await rest;
    }
  };
  const finished = loop();
  const leaveRegistry = async (sql: string) => {
    const values = [[...living.keys(), ...abandoned.keys()]];
    try {
      await (client ?? pool).query(sql, values);
    } catch {
      // Its own connection may have been lost since the last beat.
      await pool.query(sql, values);
    }
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
    async stop({ isClean }) {
      stopping.abort();
      beatNow.abort();
      await within(longestBeatMs, finished).catch(() => undefined);
      const leave =
        isClean && abandoned.size === 0
          ? "delete from acme_jobs.workers where pool_id = any($1::text[])"
          : "update acme_jobs.workers set heartbeat_at = '-infinity' where pool_id = any($1::text[])";
      await within(longestBeatMs, leaveRegistry(leave)).catch(() => undefined);
      lose();
    },
  };
}

/** Not waited for: after a lost connection the server may hold the lock for a session that is no more. */
async function tryLock(client: Client, poolId: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    "select pg_try_advisory_lock(hashtextextended('acme_jobs:worker:' || $1, 0)) as locked",
    [poolId],
  );
  return isTrue(rows[0]?.locked);
}
