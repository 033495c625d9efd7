import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import { givenSql, type Declared } from "./schedule-table.ts";

/** A time that is to come was written before the clock was set back. */
const sayRecently = (column: string) =>
  `${column} is null or ${column} not between clock_timestamp() - interval '1 minute' and clock_timestamp()`;
/** A row that somebody has locked for long must not keep the worker from its other schedules. */
const seenSql = `
  update acme_jobs.schedules as stored set
    seen_at = case when is_ours then clock_timestamp() else seen_at end,
    disputed_at = case when is_ours then disputed_at else clock_timestamp() end
  from (
    select stored.name, stored.definition = given.definition as is_ours
    from acme_jobs.schedules as stored join ${givenSql} using (name)
    where case when stored.definition = given.definition then ${sayRecently("seen_at")} else ${sayRecently("disputed_at")} end
    for update of stored skip locked
  ) as seen
  where stored.name = seen.name`;

/** Says that a worker still has these schedules, or other ones of the same names. Writes at most once a minute. */
export async function markSeen(db: Queryable, schedules: readonly Declared[]): Promise<void> {
  await queryMigrated(db, seenSql, [JSON.stringify(schedules)]);
}
