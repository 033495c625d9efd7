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

/** A pool, and the database that it has registered in, if it has. */
export interface ShownPool {
  readonly poolId: string;
  readonly installationId: string | undefined;
}

const installationSql = "(select id::text from acme_jobs.installation) as installation_id";

/**
 * Writes a heartbeat. What the worker is goes only into a new row: the first one, or after a recovery has removed it. A pool that
 * has registered in a database is never registered in another one, which has replaced it: the number of a job that it has held
 * there may be the number of another job here.
 *
 * @returns the id of the database, because another one may have replaced it.
 */
export async function showLife(db: Queryable, pool: ShownPool, life: Life): Promise<string> {
  const { rows: kept } = await db.query(
    `update acme_jobs.workers set heartbeat_at = clock_timestamp(), running = $2 where pool_id = $1 returning ${installationSql}`,
    [pool.poolId, life.running],
  );
  const [row] = kept.length > 0 ? kept : await register(db, pool, life);
  return String(row?.["installation_id"]);
}

async function register(
  db: Queryable,
  { poolId, installationId }: ShownPool,
  { about, running }: Life,
): Promise<readonly Row[]> {
  const { rows } = await db.query(
    `with registered as (
       insert into acme_jobs.workers (pool_id, about, running)
       select $1, $2::jsonb, $3::int where not exists (select from acme_jobs.installation where id::text <> $4::text)
       on conflict (pool_id) do update set heartbeat_at = clock_timestamp(), about = excluded.about, running = excluded.running
     )
     select ${installationSql}`,
    [poolId, JSON.stringify(about), running, installationId ?? null],
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
