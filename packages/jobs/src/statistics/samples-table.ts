import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import { toCounts } from "../graphile/count-jobs.ts";
import type { LocksOfPool } from "../graphile/lock-overview.ts";
import type { BoundedCounts } from "./count-in-time.ts";

/** The right to take the next sample, as text. It is lost if another worker claims it meanwhile. */
export type Claim = string;

/** Claims are compared as numbers, because the format of a time depends on the session. */
const claimSql = "(extract(epoch from due_at) * 1000000)::bigint";

/**
 * A claim is a row, not a lock: whoever dies with it keeps nobody from the next sample. A time that is too far away was written
 * before the clock of the server was set back.
 */
const claimSampleSql = `
  insert into acme_jobs.sampler as sampler (due_at) values (clock_timestamp() + $1::float8 * interval '1 millisecond')
  on conflict (only_row) do update set due_at = excluded.due_at
  where sampler.due_at <= clock_timestamp()
    or sampler.due_at > clock_timestamp() + $2::float8 * interval '1 millisecond'
  returning ${claimSql}::text as claim`;

export interface SampleTimes {
  /** Milliseconds until the next sample is due. */
  readonly restMs: number;
  /** The longest of these. */
  readonly longestRestMs: number;
}

/** @returns `undefined` if no sample is due, or another worker has claimed it. */
export async function claimSample(db: Queryable, { restMs, longestRestMs }: SampleTimes): Promise<Claim | undefined> {
  const { rows } = await db.query(claimSampleSql, [restMs, longestRestMs]);
  return rows[0]?.["claim"] as Claim | undefined;
}

/** Nothing is written if another worker has claimed a sample meanwhile: this one was held up, and its numbers are old. */
const writeSql = `
  with claimed as (
    update acme_jobs.sampler set
      sampled_at = clock_timestamp() - $3::float8 * interval '1 millisecond',
      due_at = clock_timestamp() + $4::float8 * interval '1 millisecond',
      fresh_until = clock_timestamp() + 2 * $4::float8 * interval '1 millisecond',
      is_capped = $5,
      locks = $6::jsonb
    where ${claimSql} = $2::bigint
    returning sampled_at
  ), sample as materialized (
    select counted.*, claimed.sampled_at from claimed cross join jsonb_to_recordset($1::jsonb) as counted (
      task text, due int, scheduled int, locked int, dead int, "oldestDueAgeMs" float8
    )
  ), gone as (
    delete from acme_jobs.samples using claimed where samples.task not in (select task from sample)
  )
  insert into acme_jobs.samples (task, due, scheduled, locked, dead, oldest_due_at)
  select task, due, scheduled, locked, dead,
    case when due > 0 then sampled_at - "oldestDueAgeMs" * interval '1 millisecond' end
  from sample order by task collate "C"
  on conflict (task) do update set due = excluded.due, scheduled = excluded.scheduled, locked = excluded.locked,
    dead = excluded.dead, oldest_due_at = excluded.oldest_due_at`;

export interface WrittenSample extends BoundedCounts {
  readonly claim: Claim;
  /** Milliseconds since the jobs were counted. */
  readonly ageMs: number;
  readonly restMs: number;
}

export async function writeSample(db: Queryable, { tasks, locks, isCapped, claim, ageMs, restMs }: WrittenSample) {
  await db.query(writeSql, [JSON.stringify(tasks), claim, ageMs, restMs, isCapped, JSON.stringify(locks)]);
}

/** After a sample that could not be taken. */
export async function putOffSample(db: Queryable, claim: Claim, restMs: number): Promise<void> {
  await db.query(
    `update acme_jobs.sampler set due_at = clock_timestamp() + $2::float8 * interval '1 millisecond'
     where ${claimSql} = $1::bigint`,
    [claim, restMs],
  );
}

/** The last sample. Ages are those at its time. */
export interface Sample extends BoundedCounts {
  readonly sampledAt: Date;
}

/** In one statement, so that all counts are of the same sample. Ages are those at the time of the sample. */
const readSql = `
  select (extract(epoch from sampled_at) * 1000)::float8 as sampled_ms, is_capped, locks::text, task, due, scheduled, locked, dead,
    coalesce(extract(epoch from sampled_at - oldest_due_at) * 1000, 0)::float8 as oldest_due_age_ms
  from acme_jobs.sampler left join acme_jobs.samples on true
  where clock_timestamp() between sampled_at - interval '1 minute' and fresh_until
  order by task`;

/** @returns `undefined` if there is none, or the last one is older than two should be. */
export async function readSample(db: Queryable): Promise<Sample | undefined> {
  const rows = await queryMigrated(db, readSql);
  const [first] = rows;
  if (first === undefined) return undefined;
  // Without any jobs, the sample itself is a row.
  const tasks = rows.filter((row) => row["task"] !== null).map(toCounts);
  return {
    sampledAt: new Date(Number(first["sampled_ms"])),
    isCapped: first["is_capped"] === true,
    locks: JSON.parse(String(first["locks"])) as LocksOfPool[],
    tasks,
  };
}
