import { checkNumber } from "./check-options.ts";
import { JobsError } from "./errors.ts";
import { answerWithinMs, withPromisedWrites } from "./database/query-timeout.ts";
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
  /** The id that `enqueue` returned, which is the `idempotencyKey` of the job's runs. */
  readonly id: string;
  readonly task: string;
  readonly payload: unknown;
  readonly queue: string | null;
  /** The `key` of the job, prefixed with its task. */
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
    /** Set if the attempt was before the last `retry` of the dead letter. */
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
 * Jobs that have failed for good. They are kept, with their payload and the history of their errors, until they are
 * retried, discarded or purged.
 *
 * @throws {@link JobsError} from each method, besides the errors it names: `MIGRATION_MISSING`;
 * `JOBS_DATABASE_UNREACHABLE`, after which the change may have been made or not.
 */
export interface DeadLetters {
  /** Lists dead letters, the latest first. @throws {@link JobsError} `OPTIONS_INVALID`. */
  list(filter?: DeadLetterFilter): Promise<DeadLetter[]>;
  /**
   * Makes the dead letter a job again, in one transaction. The job has all its attempts, the same `idempotencyKey` and
   * the same `key`. With `mended`, it has that payload. If it fails for good again, its `errors` include the last
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

/** As text and numbers, because the format of a time depends on the session, and the parsing of JSON on the driver. */
const columns = `id::text, task, payload::text, queue, key, priority, reason, attempts, errors::text,
  extract(epoch from enqueued_at) * 1000 as enqueued_ms, extract(epoch from died_at) * 1000 as died_ms`;

/** The longest age must fit an interval of PostgreSQL. */
const longestAgeMs = 100 * 365 * 86_400_000;

export function createDeadLetters(pool: () => Pool): DeadLetters {
  /** Each call is a transaction of its own, so it can be repeated after a conflict. */
  const ask = async <Result>(work: (db: Queryable) => Promise<Result>): Promise<Result> => {
    try {
      return await retryConflicts(() => work(withPromisedWrites(pool())));
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
    `A newer job of task "${task}" has the key of dead letter ${id}, and the newer payload counts. Discard the dead letter, or retry it when that job is done.`,
  );
}

/** Returns the payload also as stored text: plain SQL may have written numbers that JavaScript cannot represent. */
async function remove(db: Queryable, id: string): Promise<{ letter: DeadLetter; payloadText: string }> {
  const [row] = await queryMigrated(db, `delete from acme_jobs.dead_letters where id = $1 returning ${columns}`, [id]);
  if (row !== undefined) return { letter: toDeadLetter(row), payloadText: String(row["payload"]) };
  throw new JobsError(
    "DEAD_LETTER_MISSING",
    `There is no dead letter ${id}. It was retried or discarded, or it never existed.`,
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
