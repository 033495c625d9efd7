import type { Pool } from "pg";
import type { ChangeOptions, ChangeResult } from "./change-in-batches.ts";
import { checkLimit, checkText } from "./check-values.ts";
import { askJobs } from "./database/ask-jobs.ts";
import { queryMigrated } from "./database/missing-tables.ts";
import type { Queryable } from "./database/queryable.ts";
import { answerWithinMs } from "./database/query-timeout.ts";
import { sqlValues } from "./database/sql-values.ts";
import { beginTransaction } from "./database/transaction.ts";
import { countLetters, discardLetters, retryLetters } from "./dead-letters/change-letters.ts";
import type { DeadLetter, DeadLetterFilter, DeadLetterGroups, DeadLetterPage } from "./dead-letters/dead-letter.ts";
import { afterCursor, checkAge, checkLetterFilter, letterConditions } from "./dead-letters/letter-filter.ts";
import { groupLetters } from "./dead-letters/letter-groups.ts";
import { findLetter, letterColumns, toDeadLetter } from "./dead-letters/letter-rows.ts";
import { letterMissing, letterOfOtherTask, letterSuperseded } from "./dead-letters/letter-errors.ts";
import { addUnlessKeyTaken } from "./graphile/add-jobs.ts";
import { keepErrors } from "./graphile/failure-notes.ts";
import { toFlags } from "./job/origin.ts";
import { toStoredPayload } from "./task/payload.ts";
import type { Task } from "./task/task.ts";

/**
 * Jobs that have failed for good. They are kept, with their payload and the history of their errors, until they are
 * retried, discarded or purged.
 *
 * @throws {@link JobsError} from each method, besides the errors it names: `MIGRATION_MISSING`;
 * `JOBS_DATABASE_UNREACHABLE`, after which the change may have been made or not.
 */
export interface DeadLetters {
  /** Lists dead letters, the latest first. @throws {@link JobsError} `OPTIONS_INVALID`. */
  list(filter?: DeadLetterFilter & DeadLetterPage): Promise<DeadLetter[]>;
  /** Returns one dead letter, or `undefined` if there is none with this id. */
  get(id: string): Promise<DeadLetter | undefined>;
  /** Counts dead letters, to 10,000 at most. @throws {@link JobsError} `OPTIONS_INVALID`. */
  count(filter?: DeadLetterFilter): Promise<{ readonly count: number; readonly isCapped: boolean }>;
  /**
   * Groups dead letters by task and error, the largest group first. Errors that differ only in numbers and ids are one group.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`.
   */
  groups(filter?: DeadLetterFilter): Promise<DeadLetterGroups>;
  /**
   * Makes the dead letter a job again, in one transaction. The job has all its attempts, the same `idempotencyKey` and
   * the same `key` and `origin`. With `mended`, it has that payload. If it fails for good again, its `errors` include the last
   * hundred errors from before.
   *
   * @throws {@link JobsError} `DEAD_LETTER_MISSING`; `DEAD_LETTER_SUPERSEDED` while a newer job has the key;
   * `PAYLOAD_INVALID` if the mended payload does not fit. The dead letter stays then.
   */
  retry(id: string): Promise<void>;
  retry<Input>(
    id: string,
    mended: { readonly task: Task<string, Input, unknown>; readonly payload: NoInfer<Input> },
  ): Promise<void>;
  /**
   * Makes all dead letters that fit the filter jobs again, each as `retry` does, the latest first. They go in batches of 500, each
   * in a transaction of its own: if the process dies, or the call is aborted, the rest stays, and the same call goes on. Those
   * that are superseded, or that the database refuses, stay and are counted as skipped. Of several with one key, only the
   * latest becomes a job. One that dies again meanwhile is not retried twice.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`.
   */
  retryAll(filter: DeadLetterFilter, options?: ChangeOptions): Promise<ChangeResult>;
  /**
   * Removes all dead letters that fit the filter, in batches of 500, as `retryAll` does.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`.
   */
  discardAll(filter: DeadLetterFilter, options?: ChangeOptions): Promise<ChangeResult>;
  /** Removes a dead letter. @throws {@link JobsError} `DEAD_LETTER_MISSING`. */
  discard(id: string): Promise<void>;
  /**
   * Removes the dead letters that died more than `olderThanMs` milliseconds ago, from 0 to 100 years.
   *
   * @returns how many were removed.
   * @throws {@link JobsError} `OPTIONS_INVALID`.
   */
  purge(options: { readonly olderThanMs: number }): Promise<number>;
}

export function createDeadLetters(pool: () => Pool): DeadLetters {
  const ask = <Result>(work: (db: Queryable) => Promise<Result>) => askJobs(pool, work);
  return {
    async list(given = {}) {
      checkLetterFilter(given, ["limit", "after"]);
      const { limit = 100, after, ...filter } = given;
      checkLimit(limit);
      const sql = sqlValues();
      const conditions = `${letterConditions(filter, sql)} and ${afterCursor(after, sql)}`;
      const text = `select ${letterColumns} from acme_jobs.dead_letters where ${conditions}
         order by died_at desc, id limit ${sql.put(limit, "int")}`;
      const rows = await ask((db) => queryMigrated(db, text, sql.values));
      return rows.map(toDeadLetter);
    },

    async get(id) {
      checkText("id", id);
      return ask((db) => findLetter(db, id));
    },

    async count(filter = {}) {
      checkLetterFilter(filter);
      return ask((db) => countLetters(db, filter));
    },

    async groups(filter = {}) {
      checkLetterFilter(filter);
      return ask((db) => groupLetters(db, filter));
    },

    retryAll: (filter, options) => retryLetters(pool, { filter, options }),
    discardAll: (filter, options) => discardLetters(pool, { filter, options }),

    async retry(id: string, mended?: { readonly task: Task; readonly payload: unknown }) {
      const stored = mended && {
        task: mended.task.name,
        payload: await toStoredPayload(mended.task, mended.payload),
      };
      await ask(() => retryOnce(pool(), id, stored));
    },

    async discard(id) {
      await ask((db) => remove(db, id));
    },

    async purge({ olderThanMs } = {} as never) {
      checkAge(olderThanMs);
      const sql = `with purged as (
           delete from acme_jobs.dead_letters where died_at < now() - $1::float8 * interval '1 millisecond' returning 1
         ) select count(*)::int as count from purged`;
      const rows = await ask((db) => queryMigrated(db, sql, [olderThanMs]));
      return Number(rows[0]?.["count"]);
    },
  };
}

async function retryOnce(
  pool: Pool,
  id: string,
  mended: { readonly task: string; readonly payload: string } | undefined,
): Promise<void> {
  await using transaction = await beginTransaction(pool, { statementMs: answerWithinMs });
  const { letter, payloadText } = await remove(transaction, id);
  if (mended && mended.task !== letter.task) throw letterOfOtherTask(letter.task, mended.task);
  const { task, queue, key, priority } = letter;
  const flags = toFlags(letter.origin);
  const settings = { task, runAt: null, queue, priority, key, preserveRunAt: false, flags };
  const request = { id, payload: mended?.payload ?? payloadText, settings };
  const jobId = await addUnlessKeyTaken(transaction, request);
  if (jobId === undefined) throw letterSuperseded(id, task);
  await keepErrors(transaction, { jobId, idempotencyKey: id, task, reason: letter.reason, errors: letter.errors });
  await transaction.commit();
}

/** Returns the payload also as stored text: plain SQL may have written numbers that JavaScript cannot represent. */
async function remove(db: Queryable, id: string): Promise<{ letter: DeadLetter; payloadText: string }> {
  const [row] = await queryMigrated(db, `delete from acme_jobs.dead_letters where id = $1 returning ${letterColumns}`, [
    id,
  ]);
  if (row !== undefined) return { letter: toDeadLetter(row), payloadText: String(row["payload"]) };
  throw letterMissing(id);
}
