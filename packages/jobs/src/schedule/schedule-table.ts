import { isTrue } from "@acme/shared/is-true";
import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";
import type { Definition } from "./definition.ts";
import { isDeclaredSql } from "./schedule-rows.ts";

/** What a worker knows of a schedule that it has in its code. */
export interface Declared {
  readonly name: string;
  readonly definition: Definition;
}

/** A schedule as its row has it. */
export interface StoredSchedule {
  readonly name: string;
  /** Whether the row has the same definition as this worker's code. */
  readonly isOurs: boolean;
  /** Whether it has another definition, of which no worker has said lately that it has it. */
  readonly isDeserted: boolean;
  readonly isPaused: boolean;
  /** Whether an operator wants a job now. */
  readonly isWanted: boolean;
  /** Milliseconds until the next tick, by the server's clock; `undefined` if there is none. */
  readonly inMs: number | undefined;
}

/** A row that is locked, so that its ticks can be enqueued. Times are milliseconds since 1970. */
export interface LockedSchedule {
  readonly now: number;
  readonly nextAt: number | undefined;
  readonly lastTickAt: number | undefined;
  readonly isPaused: boolean;
  readonly isWanted: boolean;
}

/** What has become of the ticks that were due. */
export interface Advance {
  readonly name: string;
  readonly nextAt: Date | undefined;
  readonly lastTickAt: Date | undefined;
  readonly lastJobId: string | undefined;
  readonly hasSkipped: boolean;
}

const ms = (sql: string) => `(extract(epoch from ${sql}) * 1000)::float8`;
/** Schedules that a worker has in its code, as `$1`. */
export const givenSql = `jsonb_to_recordset($1::jsonb) as given (name text, task text, definition jsonb, "nextAt" timestamptz)`;

const timesSql = `
  select ${ms("clock_timestamp()")} as now, name, ${ms("last_tick_at")} as last_tick_at
  from (select) as one left join acme_jobs.schedules on name = any($1)`;

/** The time of the server, and the last tick of each schedule that has had one. */
export async function readTimes(db: Queryable, names: readonly string[]) {
  const rows = await queryMigrated(db, timesSql, [names]);
  const lastTicks = new Map(rows.map((row) => [row["name"], time(row["last_tick_at"])]));
  return { now: Number(rows[0]?.["now"]), lastTickOf: (name: string) => lastTicks.get(name) };
}

/** In the order of names, so that two workers do not wait for each other. Where the times are the same, missed ticks stay due. */
const declareSql = `
  insert into acme_jobs.schedules as stored (name, task, definition, next_at)
  select name, task, definition, "nextAt" from ${givenSql} order by name collate "C"
  on conflict (name) do update set
    task = excluded.task,
    definition = excluded.definition,
    next_at = case when stored.definition -> 'timing' = excluded.definition -> 'timing' then stored.next_at else excluded.next_at end,
    declared_at = case when stored.definition = excluded.definition then stored.declared_at else excluded.declared_at end,
    seen_at = excluded.seen_at,
    failure = null`;

/** Stores what a worker has in its code. What was declared last counts. */
export async function declareSchedules(
  db: Queryable,
  schedules: readonly (Declared & { readonly nextAt: Date | undefined })[],
): Promise<void> {
  const rows = schedules.map(({ definition, ...rest }) => ({ ...rest, task: definition.task, definition }));
  await queryMigrated(db, declareSql, [JSON.stringify(rows)]);
}

const lookSql = `
  select stored.name, stored.definition = given.definition as is_ours,
    stored.definition <> given.definition and not (${isDeclaredSql}) as is_deserted, paused_at is not null as is_paused,
    wanted_at is not null as is_wanted, ${ms("next_at - clock_timestamp()")} as in_ms
  from acme_jobs.schedules as stored join ${givenSql} using (name)`;

/** The rows of these schedules. A row that somebody has removed is missing. */
export async function lookAtSchedules(db: Queryable, schedules: readonly Declared[]): Promise<StoredSchedule[]> {
  return (await queryMigrated(db, lookSql, [JSON.stringify(schedules)])).map((row) => ({
    name: String(row["name"]),
    isOurs: isTrue(row["is_ours"]),
    isDeserted: isTrue(row["is_deserted"]),
    isPaused: isTrue(row["is_paused"]),
    isWanted: isTrue(row["is_wanted"]),
    inMs: time(row["in_ms"]),
  }));
}

const lockSql = `
  select ${ms("clock_timestamp()")} as now, ${ms("next_at")} as next_at, ${ms("last_tick_at")} as last_tick_at,
    paused_at is not null as is_paused, wanted_at is not null as is_wanted
  from acme_jobs.schedules
  where name = $1 and definition = $2::jsonb and (paused_at is null or wanted_at is not null) for update skip locked`;

/** Locks the row, unless another worker has it, or it has another definition by now, or is paused and nobody wants a job. */
export async function lockSchedule(db: Queryable, { name, definition }: Declared): Promise<LockedSchedule | undefined> {
  const [row] = await queryMigrated(db, lockSql, [name, JSON.stringify(definition)]);
  return row === undefined ? undefined : toLocked(row);
}

function toLocked(row: Row): LockedSchedule {
  return {
    now: Number(row["now"]),
    nextAt: time(row["next_at"]),
    lastTickAt: time(row["last_tick_at"]),
    isPaused: isTrue(row["is_paused"]),
    isWanted: isTrue(row["is_wanted"]),
  };
}

const advanceSql = `
  update acme_jobs.schedules set next_at = $2, last_tick_at = coalesce($3::timestamptz, last_tick_at), wanted_at = null,
    last_job_id = coalesce($4, last_job_id), failure = null,
    enqueued_at = case when $4 is null then enqueued_at else clock_timestamp() end,
    skipped_at = case when $5 then clock_timestamp() else skipped_at end
  where name = $1`;

/** In the transaction that enqueues the jobs. */
export async function advanceSchedule(db: Queryable, advance: Advance): Promise<void> {
  const { name, nextAt, lastTickAt, lastJobId, hasSkipped } = advance;
  const times = [nextAt, lastTickAt].map((each) => each?.toISOString() ?? null);
  await queryMigrated(db, advanceSql, [name, ...times, lastJobId ?? null, hasSkipped]);
}

/** Notes why the jobs of a schedule could not be made. */
export async function noteFailure(db: Queryable, name: string, failure: string): Promise<void> {
  await queryMigrated(db, "update acme_jobs.schedules set failure = $2 where name = $1", [name, failure]);
}

/** The pool of a caller may parse numbers its own way. */
function time(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
