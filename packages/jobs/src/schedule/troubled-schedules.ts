import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import { isDeclaredSql } from "./schedule-rows.ts";

/** A schedule that does not do what the code says. */
export interface TroubledSchedule {
  readonly name: string;
  /** `late`: a tick has not come, though a worker has the schedule. `undeclared`: none has it. `disputed`: workers disagree. */
  readonly trouble: "late" | "undeclared" | "disputed";
  /** For how long. */
  readonly ageMs: number;
  readonly failure: string | null;
}

/** A worker that was just started, or has lost its database for a moment, is not late. */
const lateAfterMs = 60_000;
const mostRows = 100;

const troubledSql = `
  select name, trouble, failure, (extract(epoch from clock_timestamp() - since) * 1000)::float8 as age_ms
  from acme_jobs.schedules, lateral (values
    ('late', next_at, ${isDeclaredSql} and next_at < clock_timestamp() - $1::float8 * interval '1 millisecond'),
    ('undeclared', seen_at, next_at is not null and seen_at < clock_timestamp() - $2::float8 * interval '1 millisecond'),
    ('disputed', declared_at, disputed_at > clock_timestamp() - interval '5 minutes'
      and declared_at < clock_timestamp() - $2::float8 * interval '1 millisecond')
  ) as looked (trouble, since, is_so)
  where paused_at is null and is_so order by since, name collate "C" limit ${mostRows}`;

/** @param thresholds - How long a deployment may take. */
export async function readTroubledSchedules(
  db: Queryable,
  { mixedVersionsMs }: { readonly mixedVersionsMs: number },
): Promise<readonly TroubledSchedule[]> {
  return (await queryMigrated(db, troubledSql, [lateAfterMs, mixedVersionsMs])).map((row) => ({
    name: String(row["name"]),
    trouble: row["trouble"] as TroubledSchedule["trouble"],
    ageMs: Number(row["age_ms"]),
    failure: row["failure"] as string | null,
  }));
}
