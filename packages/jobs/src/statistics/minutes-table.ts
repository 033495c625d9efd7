import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";
import { withoutSync } from "../graphile/failure-notes.ts";
import type { TaskCounts } from "./minute-counts.ts";

/** The row of a task in a minute. */
export interface StoredMinute extends TaskCounts {
  readonly minute: Date;
}

/** Element by element. Of another length is what another version of this package has written. */
const sumSql = (counts: string) => `
  array(
    select coalesce(one, 0) + coalesce(other, 0)
    from unnest(kept.${counts}, excluded.${counts}) with ordinality as both_counts (one, other, place) order by place
  )`;

/** Sorted by task, because two statements that lock the same rows in different orders would deadlock. */
const addSql = `
  with relaxed as materialized (${withoutSync})
  insert into acme_jobs.minutes as kept (minute, task, done, failed, dead, run_counts, wait_counts)
  select date_trunc('minute', statement_timestamp()), task, done, failed, dead, "runCounts", "waitCounts"
  from relaxed cross join jsonb_to_recordset($1::jsonb) as counted (
    task text, done int, failed int, dead int, "runCounts" int[], "waitCounts" int[]
  )
  order by task collate "C"
  on conflict (minute, task) do update set
    done = kept.done + excluded.done, failed = kept.failed + excluded.failed, dead = kept.dead + excluded.dead,
    run_counts = ${sumSql("run_counts")}, wait_counts = ${sumSql("wait_counts")}`;

/** Adds to the minute in which the statement arrives, by the clock of the database. */
export async function addToMinute(db: Queryable, counts: readonly TaskCounts[]): Promise<void> {
  await db.query(addSql, [JSON.stringify(counts)]);
}

/** Minutes are kept so long. */
export const minutesKeptMs = 8 * 3_600_000;

export async function purgeMinutes(db: Queryable): Promise<void> {
  await db.query(
    "delete from acme_jobs.minutes where minute < now() - $1::float8 * interval '1 millisecond' - interval '1 minute'",
    [minutesKeptMs],
  );
}

/** Times as numbers, and arrays as JSON text, because their parsing depends on the session and the driver. */
const readSql = `
  select task, done, failed, dead, to_json(run_counts)::text as run_counts, to_json(wait_counts)::text as wait_counts,
    (extract(epoch from minute) * 1000)::float8 as minute_ms
  from acme_jobs.minutes
  where minute > now() - $1::float8 * interval '1 millisecond' and ($2::text is null or task = $2)
  order by minute, task`;

export interface ReadMinutes {
  /** The minutes that began within so many milliseconds. */
  readonly sinceMs: number;
  readonly task?: string | undefined;
}

/** @returns the oldest first. */
export async function readMinutes(db: Queryable, { sinceMs, task }: ReadMinutes): Promise<StoredMinute[]> {
  const rows = await queryMigrated(db, readSql, [sinceMs, task ?? null]);
  return rows.map(toMinute);
}

function toMinute(row: Row): StoredMinute {
  return {
    minute: new Date(Number(row["minute_ms"])),
    task: String(row["task"]),
    done: Number(row["done"]),
    failed: Number(row["failed"]),
    dead: Number(row["dead"]),
    runCounts: JSON.parse(String(row["run_counts"])) as number[],
    waitCounts: JSON.parse(String(row["wait_counts"])) as number[],
  };
}
