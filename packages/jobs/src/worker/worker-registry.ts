import { giveBackAll } from "../graphile/return-jobs.ts";
import { isTrue } from "@acme/shared/is-true";
import type { Queryable, Row } from "../database/queryable.ts";
import type { Life } from "./about-worker.ts";

/** The key of the advisory lock that the heartbeat connection holds for a pool. */
export const lockKeySql = (poolId: string) => `hashtextextended('acme_jobs:worker:' || ${poolId}, 0)`;

/** Does not wait for the lock: after a lost connection, the server may still hold it for the old session. */
export async function tryLock(session: Queryable, poolId: string): Promise<boolean> {
  const { rows } = await session.query(`select pg_try_advisory_lock(${lockKeySql("$1")}) as locked`, [poolId]);
  return isTrue(rows[0]?.["locked"]);
}

export async function freeLock(session: Queryable, poolId: string): Promise<void> {
  await session.query(`select pg_advisory_unlock(${lockKeySql("$1")})`, [poolId]);
}

const installationSql = "(select id::text from acme_jobs.installation) as installation_id";

/**
 * Writes a heartbeat. What the worker is goes only into a new row: the first one, or after a recovery has removed it.
 *
 * @returns the id of the database, because another one may have replaced it.
 */
export async function showLife(session: Queryable, poolId: string, life: Life): Promise<string | undefined> {
  const { rows: kept } = await session.query(
    `update acme_jobs.workers set heartbeat_at = clock_timestamp(), running = $2 where pool_id = $1 returning ${installationSql}`,
    [poolId, life.running],
  );
  const [row] = kept.length > 0 ? kept : await register(session, poolId, life);
  return row?.["installation_id"] as string | undefined;
}

async function register(session: Queryable, poolId: string, { about, running }: Life): Promise<readonly Row[]> {
  const { rows } = await session.query(
    `insert into acme_jobs.workers (pool_id, about, running) values ($1, $2::jsonb, $3)
     on conflict (pool_id) do update set heartbeat_at = clock_timestamp(), about = excluded.about, running = excluded.running
     returning ${installationSql}`,
    [poolId, JSON.stringify(about), running],
  );
  return rows;
}

/** Any worker then recovers, in its next round, the jobs that these pools have left locked. */
export async function declareDead(db: Queryable, poolIds: readonly string[]): Promise<void> {
  // A locked row is being recovered already.
  await db.query(
    `update acme_jobs.workers set heartbeat_at = '-infinity' where pool_id in (
       select pool_id from acme_jobs.workers where pool_id = any($1::text[]) for no key update skip locked
     )`,
    [poolIds],
  );
}

/** Those of these pools that are still registered. */
export async function registeredAmong(db: Queryable, poolIds: readonly string[]): Promise<string[]> {
  const { rows } = await db.query("select pool_id from acme_jobs.workers where pool_id = any($1::text[])", [poolIds]);
  return rows.map((row) => String(row["pool_id"]));
}

export async function leave(db: Queryable, poolIds: readonly string[]): Promise<void> {
  await db.query("delete from acme_jobs.workers where pool_id = any($1::text[])", [poolIds]);
}

/**
 * Removes the pool, and then returns jobs that it has locked without knowing of them. In this order, because a late fetch locks
 * nothing when the row of its pool is gone.
 */
export async function leaveAndGiveBack(transaction: Queryable, poolIds: readonly string[]): Promise<void> {
  await leave(transaction, poolIds);
  for (const poolId of poolIds) await giveBackAll(transaction, poolId);
}
