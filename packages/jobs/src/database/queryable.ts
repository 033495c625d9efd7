import { JobsError } from "../errors.ts";

export type Row = Readonly<Record<string, unknown>>;

/** One SQL connection or pool, as far as this package needs it: `$1` placeholders, rows as objects. */
export interface Queryable {
  query(text: string, values?: readonly unknown[]): PromiseLike<{ readonly rows: readonly Row[] }>;
}

/** The part of a pg client, pool or anything like them that is used. Loose, so that drivers of any version fit. */
interface QueryMethod {
  /** A pool has one, and is no transaction. */
  readonly totalCount?: never;
  query(text: string, values: unknown[]): PromiseLike<{ rows: unknown[] }>;
}

/** The part of a knex transaction that is used. */
interface RawMethod {
  raw(sql: string, bindings: readonly never[]): PromiseLike<unknown>;
}

/** What `enqueue` takes as `tx`: a knex transaction, a pg client in a transaction, or anything with `query(text, values)`. */
export type TransactionHandle = QueryMethod | RawMethod;

/** @throws {@link JobsError} `TRANSACTION_INVALID` for anything else. */
export function toQueryable(tx: unknown): Queryable {
  const why = whyOutside(tx);
  if (why !== undefined) throw transactionMissing(why);
  if (hasMethod(tx, "raw")) return fromKnex(tx as unknown as RawMethod);
  if (hasMethod(tx, "query")) return tx as unknown as Queryable;
  throw new JobsError(
    "TRANSACTION_INVALID",
    'The "tx" is none: pass a knex transaction, a pg client, or an object with query(text, values).',
  );
}

/** What a job would be added through without being part of any transaction: it would stay when everything around it is rolled back. */
function whyOutside(tx: unknown): string | undefined {
  if (hasMethod(tx, "connect") && "totalCount" in tx)
    return "It is a pool, which takes any connection for each statement.";
  if (hasMethod(tx, "raw") && hasMethod(tx, "transaction") && Reflect.get(tx, "isTransaction") !== true) {
    return "It is the knex instance itself, not a transaction of it.";
  }
  // A client of pg knows from the server's last answer; while a statement is on its way, BEGIN may be that.
  if (hasMethod(tx, "getTransactionStatus") && Reflect.get(tx, "readyForQuery") === true) {
    if ((tx as { getTransactionStatus(): unknown }).getTransactionStatus() === "I") {
      return "It is a client that has begun no transaction, or whose transaction has ended.";
    }
  }
  return undefined;
}

function transactionMissing(why: string): JobsError {
  return new JobsError(
    "TRANSACTION_INVALID",
    `The "tx" would not hold the job back until a commit. ${why} Pass the transaction, or leave "tx" out to enqueue at once.`,
  );
}

function hasMethod<Name extends string>(value: unknown, name: Name): value is Record<Name, unknown> {
  const canHave = (typeof value === "object" && value !== null) || typeof value === "function";
  return canHave && typeof (value as Record<string, unknown>)[name] === "function";
}

function fromKnex(knex: RawMethod): Queryable {
  return {
    async query(text, values = []) {
      // knex counts question marks: each use of $n becomes one, with its value in place.
      const bindings: unknown[] = [];
      const sql = text.replaceAll(/\$(\d+)/g, (_, position: string) => {
        bindings.push(values[Number(position) - 1]);
        return "?";
      });
      return { rows: rowsIn(await knex.raw(sql, bindings as never[])) };
    },
  };
}

/** `postProcessResponse` of a knex instance may have taken them out of pg's answer already. */
function rowsIn(answer: unknown): readonly Row[] {
  const rows = Array.isArray(answer) ? answer : (answer as { rows?: unknown } | null | undefined)?.rows;
  if (Array.isArray(rows)) return rows as readonly Row[];
  throw new JobsError(
    "TRANSACTION_INVALID",
    'The "tx" answers with neither rows nor pg\'s result, as where postProcessResponse of knex changes it. Roll the transaction back.',
  );
}
