import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";
import type { WorkerAbout } from "./about-worker.ts";
import type { WorkerInfo } from "./worker-info.ts";
import { lockKeySql } from "./worker-registry.ts";

/** What the registry says of a worker. */
export interface RegisteredWorker extends Omit<WorkerInfo, "lockedCount"> {
  /** By the clock of the database. */
  readonly startedMsAgo: number;
}

/** As long as the default of a worker's `deadAfterMs`. */
const defaultFreshMs = 3_000;
/** More than any real number of workers. */
const mostWorkers = 10_000;

/**
 * An advisory lock with one key shows it in two halves. The locks are looked at rather than tried: to hold one for a moment could
 * keep its worker from taking it.
 */
const heldSql = `
  select (classid::bigint << 32) | objid::bigint as key from pg_locks
  where locktype = 'advisory' and objsubid = 1 and granted
    and database = (select oid from pg_database where datname = current_database())`;

/** A worker that was declared dead has no time of a heartbeat any more. A time in the future is as old as one in the past. */
const workersSql = `
  with held as materialized (${heldSql})
  select pool_id, about::text, running,
    heartbeat_at <> '-infinity' and (
      ${lockKeySql("pool_id")} in (select key from held)
      or heartbeat_at between clock_timestamp() - $1::float8 * interval '1 millisecond'
        and clock_timestamp() + $1::float8 * interval '1 millisecond'
    ) as is_alive,
    (extract(epoch from started_at) * 1000)::float8 as started_ms,
    (extract(epoch from clock_timestamp() - started_at) * 1000)::float8 as started_ms_ago,
    (extract(epoch from greatest(heartbeat_at, 'epoch')) * 1000)::float8 as heartbeat_ms
  from acme_jobs.workers order by started_at, pool_id limit ${mostWorkers}`;

/**
 * The workers of all processes, the oldest first. One is dead if its lock is free and its heartbeat is older than
 * `freshMs`.
 */
export async function readWorkers(db: Queryable, freshMs = defaultFreshMs): Promise<readonly RegisteredWorker[]> {
  return (await queryMigrated(db, workersSql, [freshMs])).map(toWorker);
}

function toWorker(row: Row): RegisteredWorker {
  return {
    poolId: String(row["pool_id"]),
    isAlive: row["is_alive"] === true,
    startedAt: new Date(Number(row["started_ms"])),
    startedMsAgo: Number(row["started_ms_ago"]),
    heartbeatAt: new Date(Number(row["heartbeat_ms"])),
    about: toAbout(row["about"]),
    running: row["running"] === null ? undefined : Number(row["running"]),
  };
}

function toAbout(text: unknown): WorkerAbout | undefined {
  if (typeof text !== "string") return undefined;
  const about = JSON.parse(text) as Omit<WorkerAbout, "name"> & { readonly name?: string };
  return { ...about, name: about.name };
}
