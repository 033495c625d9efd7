import { checkNumber } from "./check-options.ts";
import { JobsError } from "./errors.ts";
import { answerWithinMs, withQueryTimeout } from "./database/query-timeout.ts";
import { keepErrors } from "./graphile/failure-notes.ts";
import { addUnlessKeyTaken } from "./graphile/add-jobs.ts";
import { queryMigrated } from "./database/missing-tables.ts";
import { toStoredPayload } from "./task/payload.ts";
import type { Queryable, Row } from "./database/queryable.ts";
import type { Task } from "./task/task.ts";
import { retryConflicts } from "./database/retry-conflicts.ts";
import { beginTransaction } from "./database/transaction.ts";
import { explainConnection } from "./database/database-errors.ts";
import type { Pool } from "pg";

/** A job that has failed for good. */
export interface DeadLetter {
  /** What `enqueue` returned; the `idempotencyKey` of its runs. */
  readonly id: string;
  readonly task: string;
  readonly payload: unknown;
  readonly queue: string | null;
  /** Its `key`, behind the task: a job that was replaced is no dead letter, so this was the last of its key. */
  readonly key: string | null;
  readonly priority: number;
  /** The message of the last error. */
  readonly reason: string;
  readonly attempts: number;
  readonly errors: readonly {
    readonly attempt: number;
    readonly at: string;
    readonly name: string;
    readonly message: string;
    /** Of an attempt before the dead letter was last retried. */
    readonly isBeforeRetry?: true;
  }[];
  readonly enqueuedAt: Date;
  readonly diedAt: Date;
}

/** Which dead letters to list. */
export interface DeadLetterFilter {
  readonly task?: string;
  /** How many, from 1 to 1,000. Default: 100. */
  readonly limit?: number;
}

/**
 * Jobs that have failed for good, kept with their payload and the history of their errors until somebody decides.
 *
 * @throws {@link JobsError} besides what each names: `JOBS_DATABASE_UNREACHABLE`, after which what was asked may have been done; `MIGRATION_MISSING`.
 */
export interface DeadLetters {
  /** The latest first. @throws {@link JobsError} `OPTIONS_INVALID`. */
  list(filter?: DeadLetterFilter): Promise<DeadLetter[]>;
  /**
   * Makes it a job again, with all its attempts, the same `idempotencyKey` and its `key`, in one transaction. Should it die again, the last
   * hundred errors from before are among its `errors`.
   *
   * @throws {@link JobsError} `DEAD_LETTER_MISSING`; `DEAD_LETTER_SUPERSEDED` while a newer job has its key; `PAYLOAD_INVALID` for a mended payload
   * that does not fit. The letter stays then.
   */
  retry(id: string): Promise<void>;
  retry<Input>(
    id: string,
    mended: { readonly task: Task<string, Input, unknown>; readonly payload: NoInfer<Input> },
  ): Promise<void>;
  /** Removes it. @throws {@link JobsError} `DEAD_LETTER_MISSING`. */
  discard(id: string): Promise<void>;
  /** Removes those that died longer ago than this many milliseconds, from 0 to 100 years, and says how many they were. @throws {@link JobsError} `OPTIONS_INVALID`. */
  purge(options: { readonly olderThanMs: number }): Promise<number>;
}

/** Sessions write times, and drivers read JSON, each their own way. */
const columns = `id::text, task, payload::text, queue, key, priority, reason, attempts, errors::text,
  extract(epoch from enqueued_at) * 1000 as enqueued_ms, extract(epoch from died_at) * 1000 as died_ms`;

/** No interval of PostgreSQL is longer than some thousand years. */
const longestAgeMs = 100 * 365 * 86_400_000;

export function createDeadLetters(pool: () => Pool): DeadLetters {
  /** Each is one transaction of its own. */
  const ask = async <Result>(work: (db: Queryable) => Promise<Result>): Promise<Result> => {
    try {
      return await retryConflicts(() => work(withQueryTimeout(pool())));
    } catch (error) {
      throw explainConnection(error, false);
    }
  };
  return {
    async list({ task, limit = 100 }: DeadLetterFilter = {}) {
      checkNumber("limit", limit, [1, 1_000]);
      const sql = `select ${columns} from acme_jobs.dead_letters where $1::text is null or task = $1
         order by died_at desc, id limit $2`;
      const rows = await ask((db) => queryMigrated(db, sql, [task ?? null, Math.floor(limit)]));
      return rows.map(toDeadLetter);
    },

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
      checkNumber("olderThanMs", olderThanMs ?? NaN, [0, longestAgeMs]);
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
  if (mended && mended.task !== letter.task) {
    throw new JobsError("PAYLOAD_INVALID", `The dead letter is of task "${letter.task}", not "${mended.task}".`);
  }
  const { task, queue, key, priority } = letter;
  const settings = { task, runAt: null, queue, priority, key, preserveRunAt: false };
  const request = { id, payload: mended?.payload ?? payloadText, settings };
  const jobId = await addUnlessKeyTaken(transaction, request);
  if (jobId === undefined) throw superseded(id, task);
  await keepErrors(transaction, { jobId, idempotencyKey: id, task, reason: letter.reason, errors: letter.errors });
  await transaction.commit();
}

function superseded(id: string, task: string): JobsError {
  return new JobsError(
    "DEAD_LETTER_SUPERSEDED",
    `A newer job of task "${task}" has the key of dead letter ${id}, and the last payload counts. Discard the letter, or retry it once that job is done.`,
  );
}

/** The payload also as it is stored: plain SQL can write numbers that JavaScript does not know. */
async function remove(db: Queryable, id: string): Promise<{ letter: DeadLetter; payloadText: string }> {
  const [row] = await queryMigrated(db, `delete from acme_jobs.dead_letters where id = $1 returning ${columns}`, [id]);
  if (row !== undefined) return { letter: toDeadLetter(row), payloadText: String(row["payload"]) };
  throw new JobsError(
    "DEAD_LETTER_MISSING",
    `There is no dead letter ${id}: it was retried, discarded or never there.`,
  );
}

function toDeadLetter(row: Row): DeadLetter {
  return {
    id: String(row["id"]),
    task: String(row["task"]),
    payload: JSON.parse(String(row["payload"])) as unknown,
    queue: row["queue"] as string | null,
    key: row["key"] as string | null,
    priority: Number(row["priority"]),
    reason: String(row["reason"]),
    attempts: Number(row["attempts"]),
    errors: JSON.parse(String(row["errors"])) as DeadLetter["errors"],
    enqueuedAt: new Date(Number(row["enqueued_ms"])),
    diedAt: new Date(Number(row["died_ms"])),
  };
}
