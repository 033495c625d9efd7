import { JobsError } from "./errors.ts";

export type Row = Readonly<Record<string, unknown>>;

/** One SQL connection or pool, as far as this package needs it: `$1` placeholders, rows as objects. */
export interface Queryable {
  query(text: string, values?: readonly unknown[]): PromiseLike<{ readonly rows: readonly Row[] }>;
}

/** The part of a pg client, pool or anything like them that is used. Loose, so that drivers of any version fit. */
interface QueryMethod {
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
  if (hasMethod(tx, "raw")) return fromKnex(tx as unknown as RawMethod);
  if (hasMethod(tx, "query")) return tx as unknown as Queryable;
  throw new JobsError(
    "TRANSACTION_INVALID",
    'The "tx" is none: pass a knex transaction, a pg client, or an object with query(text, values).',
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
      return (await knex.raw(sql, bindings as never[])) as { rows: Row[] };
    },
  };
}
