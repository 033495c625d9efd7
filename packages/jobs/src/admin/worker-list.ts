import type { Pool } from "pg";
import { explainConnection } from "../database/database-errors.ts";
import { promptlyMs, withQueryTimeout } from "../database/query-timeout.ts";
import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";
import { countLockedJobs } from "../graphile/count-jobs.ts";
import type { WorkerAbout } from "../worker/about-worker.ts";
import { lockKeySql } from "../worker/worker-registry.ts";

/** A worker that is registered: one that lives, or a dead one whose jobs are not recovered yet. */
export interface WorkerInfo {
  /** What its jobs are locked by. */
  readonly poolId: string;
  /** Whether it holds its lock, or has shown life within the last three seconds. Others do not recover its jobs then. */
  readonly isAlive: boolean;
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
  /** What it says about itself. `undefined` if it is of a version that does not. */
  readonly about: WorkerAbout | undefined;
  /** How many jobs it ran at its last heartbeat, those that return at once not counted. `undefined` as for `about`. */
  readonly running: number | undefined;
  /** How many jobs it has locked: it runs them, or has fetched them ahead. `undefined` if the jobs could not be counted in time. */
  readonly lockedCount: number | undefined;
}

/** As long as the default of a worker's `deadAfterMs`. */
const freshMs = 3_000;
const longestCountMs = 2_000;
/** More than any real number of workers. */
const mostWorkers = 10_000;

/** The keys of advisory locks that are held: an advisory lock with one key shows it in two halves. */
const heldSql = `
  select (classid::bigint << 32) | objid::bigint as key from pg_locks
  where locktype = 'advisory' and objsubid = 1 and granted
    and database = (select oid from pg_database where datname = current_database())`;

/** A worker that was declared dead has no time of a heartbeat any more. A time in the future is as old as one in the past. */
const isAliveSql = `heartbeat_at <> '-infinity' and (
  ${lockKeySql("pool_id")} in (select key from held)
  or heartbeat_at between clock_timestamp() - interval '${freshMs} milliseconds'
    and clock_timestamp() + interval '${freshMs} milliseconds'
)`;

const listSql = `
  with held as materialized (${heldSql})
  select pool_id, about::text, running, ${isAliveSql} as is_alive,
    (extract(epoch from started_at) * 1000)::float8 as started_ms,
    (extract(epoch from greatest(heartbeat_at, 'epoch')) * 1000)::float8 as heartbeat_ms
  from acme_jobs.workers order by started_at, pool_id limit ${mostWorkers}`;

const countAliveSql = `
  with held as materialized (${heldSql})
  select count(*)::int as count from acme_jobs.workers where ${isAliveSql}`;

/** The workers of all processes, the oldest first. */
export async function listWorkers(pool: Pool): Promise<readonly WorkerInfo[]> {
  try {
    const [rows, lockedCounts] = await Promise.all([
      queryMigrated(withQueryTimeout(pool, promptlyMs), listSql),
      countLockedJobs(withQueryTimeout(pool, longestCountMs)).catch(() => undefined),
    ]);
    return rows.map((row) => toWorkerInfo(row, lockedCounts));
  } catch (error) {
    throw explainConnection(error, false);
  }
}

/** What living workers run. */
export interface LivingTasks {
  readonly tasks: ReadonlySet<string>;
  /** Whether there are living workers of an older version, which do not say what they run. */
  readonly mayBeMore: boolean;
}

/** The tasks of the workers that live. */
export async function readLivingTasks(db: Queryable): Promise<LivingTasks> {
  const rows = await queryMigrated(db, listSql);
  const abouts = rows.filter((row) => row["is_alive"] === true).map((row) => toAbout(row["about"]));
  return { tasks: new Set(abouts.flatMap((about) => about?.tasks ?? [])), mayBeMore: abouts.includes(undefined) };
}

/** How many workers live. */
export async function countWorkersAlive(db: Queryable): Promise<number> {
  const [row] = await queryMigrated(db, countAliveSql);
  return Number(row?.["count"]);
}

function toWorkerInfo(row: Row, lockedCounts: ReadonlyMap<string, number> | undefined): WorkerInfo {
  const poolId = String(row["pool_id"]);
  return {
    poolId,
    isAlive: row["is_alive"] === true,
    startedAt: new Date(Number(row["started_ms"])),
    heartbeatAt: new Date(Number(row["heartbeat_ms"])),
    about: toAbout(row["about"]),
    running: row["running"] === null ? undefined : Number(row["running"]),
    lockedCount: lockedCounts && (lockedCounts.get(poolId) ?? 0),
  };
}

function toAbout(text: unknown): WorkerAbout | undefined {
  if (typeof text !== "string") return undefined;
  const about = JSON.parse(text) as Omit<WorkerAbout, "name"> & { readonly name?: string };
  return { ...about, name: about.name };
}
