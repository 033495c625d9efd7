import { memoryColumn } from "@acme/shared/memory-answer";
import { JobsError } from "../errors.ts";

export type Row = Readonly<Record<string, unknown>>;

/** The part of an SQL connection or pool that this package uses: `$1` placeholders, rows as objects. */
export interface Queryable {
  query(text: string, values?: readonly unknown[]): PromiseLike<{ readonly rows: readonly Row[] }>;
}

/** The part of a pg client that is used. The types are loose, so that drivers of any version fit. */
interface QueryMethod {
  /** Keeps pools out, which have this property: a pool is not a transaction. */
  readonly totalCount?: never;
  query(text: string, values: unknown[]): PromiseLike<{ rows: readonly unknown[] }>;
}

/** The part of a knex transaction that is used. */
interface RawMethod {
  raw(sql: string, bindings: readonly never[]): PromiseLike<unknown>;
}

/**
 * What `enqueue` takes as `tx`: a knex transaction, a pg client in a transaction, the context of a unit of work, or
 * anything with `query(text, values)` that answers with `rows`.
 */
export type TransactionHandle = QueryMethod | RawMethod;

/** @throws {@link JobsError} `TRANSACTION_INVALID` for anything else. */
export function toQueryable(tx: unknown): Queryable {
  const why = whyOutside(tx);
  if (why !== undefined) throw transactionMissing(why);
  if (hasMethod(tx, "raw")) return fromKnex(tx as unknown as RawMethod);
  if (hasMethod(tx, "query")) return isKnown(tx) ? (tx as unknown as Queryable) : answering(tx as unknown as Queryable);
  throw new JobsError(
    "TRANSACTION_INVALID",
    'The "tx" is not a transaction. Pass a knex transaction, a pg client, or an object with query(text, values).',
  );
}

/** Why a job that is added through `tx` would be outside of any transaction, and would stay after a rollback. */
function whyOutside(tx: unknown): string | undefined {
  if (hasMethod(tx, "connect") && "totalCount" in tx)
    return "It is a pool, which may use another connection for each statement.";
  if (hasMethod(tx, "raw") && hasMethod(tx, "transaction") && Reflect.get(tx, "isTransaction") !== true) {
    return "It is the knex instance itself, not a transaction of it.";
  }
  // A pg client knows the status from the server's last answer. While a statement is under way, it may be out of date: the
  // statement may be BEGIN.
  if (hasMethod(tx, "getTransactionStatus") && Reflect.get(tx, "readyForQuery") === true) {
    if ((tx as { getTransactionStatus(): unknown }).getTransactionStatus() === "I") {
      return "It is a client that has not begun a transaction, or whose transaction has ended.";
    }
  }
  return undefined;
}

/** A pg client, the context of a unit of work, or what a unit of work gives to durable handlers. */
function isKnown(tx: object): boolean {
  return "processID" in tx || "proofSql" in tx || (hasMethod(tx, "savepoint") && hasMethod(tx, "record"));
}

const answered = new WeakSet<object>();

/** Asks once before anything is written: what answers in another way is of a data layer, and would hide the answer. */
function answering(tx: Queryable): Queryable {
  return {
    async query(text, values) {
      if (!answered.has(tx)) {
        const answer: unknown = await tx.query("select 1 as one", []);
        if (!hasRows(answer)) throw answersOtherwise();
        answered.add(tx);
      }
      return tx.query(text, values);
    },
  };
}

function hasRows(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "rows" in answer && Array.isArray(answer.rows);
}

/**
 * @returns the row that a writing statement has answered with
 * @throws {@link JobsError} `TRANSACTION_INVALID` if nothing was written, because there is no database.
 */
export function refuseMemory(row: Row | undefined): Row | undefined {
  if (row === undefined || !(memoryColumn in row)) return row;
  throw new JobsError(
    "TRANSACTION_INVALID",
    'The "tx" is of a unit of work without a database, and the job would be lost. Use createTestJobs() of @acme/jobs/testing with it.',
  );
}

function answersOtherwise(): JobsError {
  return new JobsError(
    "TRANSACTION_INVALID",
    'The "tx" has a query() that does not answer with { rows }, as TypeORM\'s EntityManager. Nothing was written. ' +
      "Pass the context of the unit of work, or the client of the transaction.",
  );
}

function transactionMissing(why: string): JobsError {
  return new JobsError(
    "TRANSACTION_INVALID",
    `The "tx" is not a transaction, so the job would exist at once, whatever is rolled back. ${why} Pass the transaction, or leave "tx" out to enqueue at once.`,
  );
}

function hasMethod<Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> {
  const canHave = (typeof value === "object" && value !== null) || typeof value === "function";
  return canHave && typeof (value as Record<string, unknown>)[name] === "function";
}

function fromKnex(knex: RawMethod): Queryable {
  return {
    async query(text, values = []) {
      // knex binds question marks by position: each use of $n becomes a question mark with a value of its own.
      const bindings: unknown[] = [];
      const sql = text.replaceAll(/\$(\d+)/g, (_, position: string) => {
        bindings.push(values[Number(position) - 1]);
        return "?";
      });
      return { rows: rowsIn(await knex.raw(sql, bindings as never[])) };
    },
  };
}

/** A `postProcessResponse` of the knex instance may have replaced pg's result by its rows. */
function rowsIn(answer: unknown): readonly Row[] {
  const rows = Array.isArray(answer) ? answer : (answer as { rows?: unknown } | null | undefined)?.rows;
  if (Array.isArray(rows)) return rows as readonly Row[];
  throw new JobsError(
    "TRANSACTION_INVALID",
    'The "tx" answers with neither rows nor pg\'s result. A postProcessResponse of knex may have changed it. Roll the transaction back.',
  );
}
