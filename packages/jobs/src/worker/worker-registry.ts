import { giveBackAll } from "../graphile/return-jobs.ts";
import { isTrue } from "@acme/shared/is-true";
import type { Queryable } from "../database/queryable.ts";

/** The key of the advisory lock that a worker's session holds for each of its pools. */
export const lockKeySql = (poolId: string) => `hashtextextended('acme_jobs:worker:' || ${poolId}, 0)`;

/** Not waited for: after a lost connection the server may hold the lock for a session that is no more. */
export async function tryLock(session: Queryable, poolId: string): Promise<boolean> {
  const { rows } = await session.query(`select pg_try_advisory_lock(${lockKeySql("$1")}) as locked`, [poolId]);
  return isTrue(rows[0]?.["locked"]);
}

export async function freeLock(session: Queryable, poolId: string): Promise<void> {
  await session.query(`select pg_advisory_unlock(${lockKeySql("$1")})`, [poolId]);
}

/** Gives a heartbeat. @returns which database it is, since another may have taken its place. */
export async function showLife(session: Queryable, poolId: string): Promise<string | undefined> {
  const { rows } = await session.query(
    `insert into acme_jobs.workers (pool_id) values ($1)
     on conflict (pool_id) do update set heartbeat_at = clock_timestamp()
     returning (select id::text from acme_jobs.installation) as installation_id`,
    [poolId],
  );
  return rows[0]?.["installation_id"] as string | undefined;
}

/** What they have left locked is recovered by the next sweep of any worker. */
export async function declareDead(db: Queryable, poolIds: readonly string[]): Promise<void> {
  // A row that somebody has locked is being recovered.
  await db.query(
    `update acme_jobs.workers set heartbeat_at = '-infinity' where pool_id in (
       select pool_id from acme_jobs.workers where pool_id = any($1::text[]) for no key update skip locked
     )`,
    [poolIds],
  );
}

/** Those of them that are still there. */
export async function registeredAmong(db: Queryable, poolIds: readonly string[]): Promise<string[]> {
  const { rows } = await db.query("select pool_id from acme_jobs.workers where pool_id = any($1::text[])", [poolIds]);
  return rows.map((row) => String(row["pool_id"]));
}

export async function leave(db: Queryable, poolIds: readonly string[]): Promise<void> {
  await db.query("delete from acme_jobs.workers where pool_id = any($1::text[])", [poolIds]);
}

/** Gives back jobs that are locked without anybody's knowing, in a transaction. In this order: a look that is still on its way locks nothing once the row has gone. */
export async function leaveAndGiveBack(transaction: Queryable, poolIds: readonly string[]): Promise<void> {
  await leave(transaction, poolIds);
  for (const poolId of poolIds) await giveBackAll(transaction, poolId);
}
