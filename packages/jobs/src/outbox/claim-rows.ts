import { endUnreadStatements } from "../database/end-unread-statements.ts";
import { isTrue } from "@acme/shared/is-true";
import { queryMigrated } from "../database/missing-tables.ts";
import type { JobRequest, JobSettings } from "../job/job-request.ts";
import { originOf, toFlags } from "../job/origin.ts";
import type { Queryable, Row } from "../database/queryable.ts";

/** What one batch carries at most, so that a relay needs the same memory whatever waits. */
const batchBytes = 16 * 1024 * 1024;

/** Keys share so many locks, or the keys of a batch would fill the server's table of locks. */
const keyLocks = 512;
const keyLock = `hashtextextended(key, 0) & ${keyLocks - 1}`;

/**
 * The last payload of a key must come last, so one relay at a time moves rows of a key. It has the lock before it looks for
 * the rows: by then all that the one before has moved is gone, and no row is claimed that could not be moved now.
 */
const lockKeysSql = `
  select (array_agg(key_lock) filter (where is_mine))::text[] as locks, bool_or(not is_mine) as is_contended
  from (
    select key_lock, pg_try_advisory_xact_lock(hashtextextended('acme_jobs:keys', key_lock)) as is_mine
    from (
      select distinct key_lock
      from (
        select key, ${keyLock} as key_lock
        from acme_jobs.outbox
        where case when key is null then $3::text[] is null or $3 = '{}' else key <> all($2::text[]) and ($3 is null or key = any($3)) end
        order by position limit $1
      ) as oldest
      where key is not null
    ) as wanted
  ) as tried`;

/** What tells in `pg_stat_activity` that a relay reads its rows. */
const startOfClaim = "select /* acme_jobs claim */";

/** By CASE, whose share of the rows the planner does not guess: for few it would sort the whole table rather than follow the index. */
const claimSql = `${startOfClaim} id, task, payload::text,
    case when isfinite(run_at) then to_char(run_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') else run_at::text end as run_at,
    queue, priority, key, preserve_run_at, array_to_json(flags)::text as flags, locked_count
  from (
    select *, sum(own_bytes) over (order by position rows unbounded preceding) as bytes, count(*) over () as locked_count
    from (
      select *, octet_length(payload::text) as own_bytes
      from acme_jobs.outbox
      where case when key is null then $4::text[] is null or $4 = '{}' else ${keyLock} = any($2::bigint[]) and key <> all($3::text[]) and ($4 is null or key = any($4)) end
      order by position limit $1 for update skip locked
    ) as claimed
  ) as measured
  where bytes <= ${batchBytes} or bytes = own_bytes
  order by position`;

/** Which rows to claim. */
export interface Claim {
  readonly batchSize: number;
  /** Rows with these keys are left. */
  readonly without?: readonly string[];
  /** Only rows with these keys; of an empty list, only those without a key. */
  readonly only?: readonly string[];
  /** Milliseconds to wait for somebody who holds a key. */
  readonly waitMs: number;
}

/** What was claimed. */
export interface ClaimedRows {
  readonly requests: JobRequest[];
  /** Another relay has some of the keys that were to be claimed, and may be waiting for one of them. */
  readonly isContended: boolean;
  /** Some that were locked are left, since they were too large for one batch. */
  readonly isCut: boolean;
}

/**
 * Locks the oldest rows that nobody else has locked. A row whose transaction commits late is found when it is there.
 *
 * @param db - A transaction in which each statement sees what was committed before it (`read committed`).
 */
export async function claimFromOutbox(
  db: Queryable,
  { batchSize, without = [], only }: Omit<Claim, "waitMs">,
): Promise<ClaimedRows> {
  const [locked] = await queryMigrated(db, lockKeysSql, [batchSize, without, only]);
  const rows = await queryMigrated(db, claimSql, [batchSize, locked?.["locks"] ?? [], without, only]);
  // Neighbours that have them in common are given the same ones, which are then sent once.
  let settings: JobSettings | undefined;
  const requests = rows.map((row) => {
    const flags = toFlags(originOf(row["flags"] as string | null));
    settings = settings?.flags === flags && haveInCommon(row, settings) ? settings : { ...settingsOf(row), flags };
    return { id: row["id"] as string, payload: row["payload"] as string, settings };
  });
  return {
    requests,
    isContended: isTrue(locked?.["is_contended"]),
    isCut: requests.length < Number(rows[0]?.["locked_count"] ?? 0),
  };
}

const longestReadMs = 60_000;

/** Lets go of rows that a process has claimed which does not read the answer: it was stopped, or hangs. */
export async function endUnreadClaims(db: Queryable, afterMs = longestReadMs): Promise<void> {
  const { text, values = [] } = endUnreadStatements(startOfClaim, { afterMs });
  await db.query(text, values);
}

function haveInCommon(row: Row, settings: JobSettings): boolean {
  return (
    row["task"] === settings.task &&
    row["run_at"] === settings.runAt &&
    row["queue"] === settings.queue &&
    row["priority"] === settings.priority &&
    row["key"] === settings.key &&
    row["preserve_run_at"] === settings.preserveRunAt
  );
}

function settingsOf(row: Row): Omit<JobSettings, "flags"> {
  return {
    task: row["task"] as string,
    runAt: row["run_at"] as string | null,
    queue: row["queue"] as string | null,
    priority: row["priority"] as number | null,
    key: row["key"] as string | null,
    preserveRunAt: row["preserve_run_at"] as boolean,
  };
}
