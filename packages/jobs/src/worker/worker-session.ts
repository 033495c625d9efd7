import { setTimeout as pause } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import type { Logger } from "../logger.ts";
import { recoverDeadWorkers, sweepFailures } from "./recovery.ts";

export interface WorkerSessionOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
  readonly onRecovered: (jobCount: number) => void;
  /** `true` while the database answers. */
  readonly onHealth: (isHealthy: boolean) => void;
}

/** What tells other workers that this one lives, and lets it look after those that do not. */
export interface WorkerSession {
  /** Resolves once the pool is registered, its lock held: only then may it lock jobs. */
  register(poolId: string): Promise<void>;
  /** Declares a pool of this worker dead: whatever it left locked is recovered by the next sweep of any worker. */
  abandon(poolId: string): void;
  /** After a stop that was not clean, what is still locked is recovered by the next sweep of any worker. */
  stop(options: { readonly isClean: boolean }): Promise<void>;
}

/** A host that vanishes frees its lock when the server gives its connection up: within about 15 s with these. */
const keepAliveSettings = [
  "set tcp_keepalives_idle = 5",
  "set tcp_keepalives_interval = 3",
  "set tcp_keepalives_count = 3",
  "set tcp_user_timeout = 15000",
];

export function startWorkerSession(options: WorkerSessionOptions): WorkerSession {
  const { pool, logger, heartbeatMs, deadAfterMs } = options;
  const stopping = new AbortController();
  const living = new Map<string, { registered: () => void }>();
  const abandoned = new Set<string>();
  let client: PoolClient | undefined;
  let held = new Set<string>();
  let beatNow = new AbortController();

  const connect = async (): Promise<PoolClient> => {
    const connected = await pool.connect();
    connected.on("error", () => undefined);
    held = new Set();
    // Not every platform has each of them.
    for (const setting of keepAliveSettings) await connected.query(setting).catch(() => undefined);
    return connected;
  };

  const lose = () => {
    client?.release(true);
    client = undefined;
  };

  const beat = async () => {
    client ??= await connect();
    for (const [poolId, { registered }] of living) {
      if (!held.has(poolId) && (await tryLock(client, poolId))) held.add(poolId);
      await client.query(
        `insert into acme_jobs.workers (pool_id) values ($1)
         on conflict (pool_id) do update set heartbeat_at = clock_timestamp()`,
        [poolId],
      );
      registered();
    }
    await releaseAbandoned(client);
    const jobCount = await recoverDeadWorkers(client, [...living.keys()], deadAfterMs);
    if (jobCount > 0) {
      logger.warn({ jobCount }, "jobs of a dead worker run again");
      options.onRecovered(jobCount);
    }
    await sweepFailures(client);
  };

  const releaseAbandoned = async (session: PoolClient) => {
    for (const poolId of abandoned) {
      await session.query("update acme_jobs.workers set heartbeat_at = '-infinity' where pool_id = $1", [poolId]);
      if (held.delete(poolId)) {
        await session.query("select pg_advisory_unlock(hashtextextended('acme_jobs:worker:' || $1, 0))", [poolId]);
      }
      abandoned.delete(poolId);
    }
  };

  const loop = async () => {
    while (!stopping.signal.aborted) {
      beatNow = new AbortController();
      const rest = pause(heartbeatMs, undefined, { signal: beatNow.signal }).catch(() => undefined);
      try {
        await beat();
        options.onHealth(true);
      } catch (error) {
        lose();
        options.onHealth(false);
        logger.debug({ err: error }, "worker heartbeat failed; it is tried again");
      }
      await rest;
    }
  };
  const finished = loop();

  return {
    register(poolId) {
      return new Promise((resolve) => {
        living.set(poolId, { registered: resolve });
        beatNow.abort();
      });
    },
    abandon(poolId) {
      living.delete(poolId);
      abandoned.add(poolId);
      beatNow.abort();
    },
    async stop({ isClean }) {
      stopping.abort();
      beatNow.abort();
      await finished;
      const leave = isClean
        ? "delete from acme_jobs.workers where pool_id = any($1::text[])"
        : "update acme_jobs.workers set heartbeat_at = '-infinity' where pool_id = any($1::text[])";
      await client?.query(leave, [[...living.keys()]]).catch(() => undefined);
      lose();
    },
  };
}

/** Not waited for: after a lost connection the server may hold the lock for a session that is no more. */
async function tryLock(client: PoolClient, poolId: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    "select pg_try_advisory_lock(hashtextextended('acme_jobs:worker:' || $1, 0)) as locked",
    [poolId],
  );
  return rows[0]?.locked === true;
}
