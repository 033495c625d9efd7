import { isTrue } from "@acme/shared/is-true";
import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";
import type { Definition } from "./definition.ts";

/** A worker says once a minute which schedules it has. A time that is to come was written before the clock was set back. */
export const isDeclaredSql =
  "seen_at between clock_timestamp() - interval '2 minutes' and clock_timestamp() + interval '1 minute'";

const times = ["seen_at", "disputed_at", "next_at", "last_tick_at", "enqueued_at", "skipped_at", "paused_at"] as const;

const listSql = `
  select name, task, definition, last_job_id, failure, ${isDeclaredSql} as is_declared,
    ${times.map((time) => `(extract(epoch from ${time}) * 1000)::float8 as ${time}`).join(", ")}
  from acme_jobs.schedules where name collate "C" > $1 order by name collate "C" limit $2 + 1`;

/** One more than `limit`, if there are more. Times are milliseconds since 1970. */
export function readSchedules(
  db: Queryable,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly Row[]> {
  return queryMigrated(db, listSql, [after, limit]);
}

const pauseSql = `
  update acme_jobs.schedules set paused_at = coalesce(paused_at, clock_timestamp()) where name = $1 returning name`;

/** @returns whether there is such a schedule, as all of these. */
export async function pauseSchedule(db: Queryable, name: string): Promise<boolean> {
  return (await queryMigrated(db, pauseSql, [name])).length > 0;
}

const standingSql = `
  select definition, (extract(epoch from clock_timestamp()) * 1000)::float8 as now from acme_jobs.schedules where name = $1`;

/** The definition, and the time of the server. */
export async function readStanding(db: Queryable, name: string) {
  const [row] = await queryMigrated(db, standingSql, [name]);
  return row && { definition: row["definition"] as Definition, now: new Date(Number(row["now"])) };
}

/** Ticks that came while the clock of the server was ahead would keep those from coming that are due by now. */
const resumeSql = `
  update acme_jobs.schedules set
    next_at = case when paused_at is null then next_at else $3 end,
    last_tick_at = case when paused_at is null or last_tick_at <= clock_timestamp() then last_tick_at end,
    paused_at = null
  where name = $1 and definition = $2::jsonb returning name`;

/** @returns false also if the definition is another one by now. */
export async function resumeSchedule(
  db: Queryable,
  {
    name,
    definition,
    nextAt,
  }: { readonly name: string; readonly definition: Definition; readonly nextAt: Date | undefined },
): Promise<boolean> {
  const values = [name, JSON.stringify(definition), nextAt?.toISOString() ?? null];
  return (await queryMigrated(db, resumeSql, values)).length > 0;
}

const wantSql = "update acme_jobs.schedules set wanted_at = clock_timestamp() where name = $1 returning name";

export async function wantJobNow(db: Queryable, name: string): Promise<boolean> {
  return (await queryMigrated(db, wantSql, [name])).length > 0;
}

const removeSql = `
  with gone as (delete from acme_jobs.schedules where name = $1 and not (${isDeclaredSql}) returning name)
  select exists (select from gone) as is_gone, exists (select from acme_jobs.schedules where name = $1) as was_there`;

/** Removes a schedule that no worker has any more. */
export async function removeSchedule(db: Queryable, name: string): Promise<"gone" | "declared" | "missing"> {
  const [row] = await queryMigrated(db, removeSql, [name]);
  if (isTrue(row?.["is_gone"])) return "gone";
  return isTrue(row?.["was_there"]) ? "declared" : "missing";
}
