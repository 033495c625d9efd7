import type { Pool } from "pg";
import { changeInBatches, type ChangedBatch, type ChangeOptions, type ChangeResult } from "../change-in-batches.ts";
import { askJobs } from "../database/ask-jobs.ts";
import { isAboutTheRows } from "../database/database-errors.ts";
import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import { sqlValues } from "../database/sql-values.ts";
import { retryLettersSql } from "../graphile/retry-letters.ts";
import type { DeadLetterFilter } from "./dead-letter.ts";
import { afterCursor, checkChange, letterConditions } from "./letter-filter.ts";
import { cursorSql } from "./letter-rows.ts";

/** What is done with a batch: parts of a statement, of which `changed` returns the ids. */
type Change = (letters: string) => string;

const discardLettersSql: Change = (letters) => `
  letter as materialized (${letters}),
  changed as (
    delete from acme_jobs.dead_letters where id = any(array(select id from letter)) returning id
  )`;

interface Changing {
  readonly filter: DeadLetterFilter;
  readonly options: ChangeOptions | undefined;
}

export async function retryLetters(pool: () => Pool, changing: Changing): Promise<ChangeResult> {
  return changeLetters(pool, retryLettersSql, changing);
}

export async function discardLetters(pool: () => Pool, changing: Changing): Promise<ChangeResult> {
  return changeLetters(pool, discardLettersSql, changing);
}

async function changeLetters(
  pool: () => Pool,
  change: Change,
  { filter, options = {} }: Changing,
): Promise<ChangeResult> {
  checkChange(filter, options);
  return changeInBatches<string>(options, {
    count: () => askJobs(pool, (db) => countLetters(db, filter)),
    change: (after) => changeBatch(pool, change, { filter, after }),
  });
}

const batchSize = 500;

interface Batch {
  readonly filter: DeadLetterFilter;
  readonly after: string | undefined;
  readonly size?: number;
}

/** One letter that PostgreSQL refuses as a job must not keep the others from it. */
async function changeBatch(pool: () => Pool, change: Change, batch: Batch): Promise<ChangedBatch<string>> {
  try {
    return await askJobs(pool, (db) => changeOnce(db, change, batch));
  } catch (error) {
    if (!isRefused(error)) throw error;
    if (batch.size === 1) return askJobs(pool, (db) => skipOne(db, batch));
    return changeOneByOne(pool, change, batch);
  }
}

async function changeOneByOne(pool: () => Pool, change: Change, batch: Batch): Promise<ChangedBatch<string>> {
  let { after } = batch;
  let [changedCount, skippedCount] = [0, 0];
  for (let count = 0; count < batchSize; count++) {
    const one = await changeBatch(pool, change, { ...batch, after, size: 1 });
    changedCount += one.changedCount;
    skippedCount += one.skippedCount;
    after = one.next;
    if (after === undefined) break;
  }
  return { changedCount, skippedCount, next: after };
}

/** Also by a trigger of the application on the tables. */
function isRefused(error: unknown): boolean {
  return isAboutTheRows(error) || String((error as { code?: unknown } | null)?.code).startsWith("P0");
}

/**
 * From the latest on: whatever dies meanwhile is before the first, so a job that dies again is not retried without end. A letter that
 * somebody else is just changing is left to them.
 */
async function changeOnce(db: Queryable, change: Change, batch: Batch): Promise<ChangedBatch<string>> {
  const { size = batchSize } = batch;
  const { picked, values } = pick(batch, size);
  const letters = `
    select letter.*, picked.place from picked join acme_jobs.dead_letters as letter using (id, died_at)
    where letter.id = any(array(select id from picked)) for update of letter skip locked`;
  const [row] = await queryMigrated(
    db,
    `with ${picked}, ${change(letters)}
     select (select count(*) from picked)::int as picked_count, (select count(*) from changed)::int as changed_count,
       (select cursor from picked where place = ${size}) as next`,
    values,
  );
  const changedCount = Number(row?.["changed_count"]);
  const skippedCount = Number(row?.["picked_count"]) - changedCount;
  return { changedCount, skippedCount, next: (row?.["next"] as string | null) ?? undefined };
}

async function skipOne(db: Queryable, batch: Batch): Promise<ChangedBatch<string>> {
  const { picked, values } = pick(batch, 1);
  const [row] = await queryMigrated(db, `with ${picked} select cursor from picked`, values);
  const next = row?.["cursor"] as string | undefined;
  return { changedCount: 0, skippedCount: next === undefined ? 0 : 1, next };
}

function pick({ filter, after }: Batch, size: number) {
  const sql = sqlValues();
  const conditions = `${letterConditions(filter, sql)} and ${afterCursor(after, sql)}`;
  const picked = `picked as materialized (
    select id, died_at, ${cursorSql} as cursor, row_number() over (order by died_at desc, id) as place
    from (
      select id, died_at from acme_jobs.dead_letters where ${conditions} order by died_at desc, id limit ${size}
    ) as letter
  )`;
  return { picked, values: sql.values };
}

const countedTo = 10_000;

export async function countLetters(db: Queryable, filter: DeadLetterFilter) {
  const sql = sqlValues();
  const [row] = await queryMigrated(
    db,
    `select count(*)::int as count from (
       select from acme_jobs.dead_letters where ${letterConditions(filter, sql)} limit ${countedTo} + 1
     ) as counted`,
    sql.values,
  );
  const count = Number(row?.["count"]);
  return { count: Math.min(count, countedTo), isCapped: count > countedTo };
}
