import { isTrue } from "@acme/shared/is-true";
import type { Queryable } from "../database/queryable.ts";
import { lockKeySql } from "../worker/worker-registry.ts";

/** A pool of the registry, as the doctor sees it. */
export interface SeenWorker {
  readonly poolId: string;
  readonly isAlive: boolean;
  readonly startedMsAgo: number;
  /** `undefined` of a worker of an older version, which says nothing about itself. */
  readonly about: { readonly tasks: readonly string[]; readonly version: string; readonly host: string } | undefined;
}

/** Looks at the advisory locks rather than trying them: to hold one for a moment could keep its worker from taking it. */
const workersSql = `
  with held as materialized (
    select (classid::bigint << 32) | objid::bigint as key from pg_locks
    where locktype = 'advisory' and objsubid = 1 and granted
      and database = (select oid from pg_database where datname = current_database())
  )
  select pool_id, about::text, extract(epoch from clock_timestamp() - started_at) * 1000 as started_ms_ago,
    ${lockKeySql("pool_id")} in (select key from held)
      or heartbeat_at between clock_timestamp() - $1::float8 * interval '1 millisecond'
        and clock_timestamp() + $1::float8 * interval '1 millisecond' as "isAlive"
  from acme_jobs.workers order by started_at limit 10000`;

/** All registered workers. One is dead if its lock is free and its heartbeat is older than `deadAfterMs`. */
export async function seeWorkers(db: Queryable, deadAfterMs: number): Promise<readonly SeenWorker[]> {
  const { rows } = await db.query(workersSql, [deadAfterMs]);
  return rows.map((row) => ({
    poolId: String(row["pool_id"]),
    isAlive: isTrue(row["isAlive"]),
    startedMsAgo: Number(row["started_ms_ago"]),
    about: toAbout(row["about"]),
  }));
}

function toAbout(text: unknown): SeenWorker["about"] {
  if (typeof text !== "string") return undefined;
  const about = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
  if (about === null || !Array.isArray(about["tasks"])) return undefined;
  return { tasks: about["tasks"].map(String), version: String(about["version"]), host: String(about["host"]) };
}
