import { codeOf, isConflict } from "../transaction/database-error.ts";
import { DomainEventsError } from "../errors.ts";
import { isTrue } from "@acme/shared/is-true";
import { inTransaction } from "./in-transaction.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";

/**
 * SQL that creates the table of `runOnce`, for applications with migrations of their own. It may run any number of
 * times. If there is a table `once_keys` (the name until 0.1), it is renamed and keeps its keys. `unitOfWork.migrate()`
 * runs the same SQL.
 *
 * @example
 * await knex.raw(idempotencyKeysSql); // in a migration
 */
export const idempotencyKeysSql = `create schema if not exists domain_events;
alter table if exists domain_events.once_keys rename to idempotency_keys;
alter index if exists domain_events.once_keys_pkey rename to idempotency_keys_pkey;
alter index if exists domain_events.once_keys_used_at rename to idempotency_keys_used_at;
create table if not exists domain_events.idempotency_keys (
  key text collate "C" primary key,
  used_at timestamptz not null default now()
);
create index if not exists idempotency_keys_used_at on domain_events.idempotency_keys (used_at);`;

/**
 * Waits for another transaction that holds the key. A key that is used again becomes young again, since it may be used
 * once more. This is one statement, because the key could be purged between two.
 */
export const claimKeySql = `insert into domain_events.idempotency_keys as known (key) values ($1)
  on conflict (key) do update set used_at = now() returning known.key, known.xmax operator(pg_catalog.=) 0 as claimed`;

/**
 * If the table with the older name is there as well, a process of an older version has created it again. Then processes
 * of both versions could run the same key, so migration has to run.
 */
const existsSql = `select to_regclass('domain_events.idempotency_keys') is not null
  and to_regclass('domain_events.once_keys') is null as exists`;
// `create … if not exists` may fail if two sessions run it at once. The number is arbitrary, but must never change.
const migrateLock = "select pg_advisory_xact_lock(7025311928847)";

/** Whether this call ran the work, and if so, its result. */
export type RunOnceResult<Result> = { readonly ran: true; readonly result: Result } | { readonly ran: false };

// Errors of the server from claiming a key. The work has not begun then, so running again costs and repeats nothing.
const claimConflicts = new WeakSet<object>();

/** Whether claiming the key failed because another transaction has claimed it since this one's snapshot. */
export function isClaimConflict(error: unknown): boolean {
  return typeof error === "object" && error !== null && claimConflicts.has(error);
}

export async function claimKey(query: Transaction<unknown>["query"], key: string): Promise<boolean> {
  try {
    const { rows } = await query(claimKeySql, [key]);
    if (rows[0] === undefined) throw keyNotStored();
    // Some encodings (EUC_JP) have one character for two of Unicode, and two different keys would become one.
    if (rows[0]["key"] !== key) throw keyInvalid(" In the encoding of this database it becomes a different key.");
    return isTrue(rows[0]["claimed"]);
  } catch (error) {
    if (isConflict(error)) claimConflicts.add(error as object);
    if (codeOf(error) === "22P05")
      throw keyInvalid(" The encoding of this database does not have all of its characters.");
    throw explainMissingTable(error);
  }
}

const loneSurrogate = /\p{Surrogate}/u;

export function checkKey(key: unknown): void {
  // The driver sends every lone surrogate as the same replacement character.
  const isText = typeof key === "string" && !key.includes("\0") && !loneSurrogate.test(key);
  if (isText && key.length > 0 && key.length <= 500) return;
  throw keyInvalid();
}

function keyInvalid(why = ""): DomainEventsError {
  return new DomainEventsError(
    "IDEMPOTENCY_KEY_INVALID",
    `runOnce() takes a key of 1 to 500 characters of well-formed text without NUL first, such as the idempotencyKey of a job.${why}`,
  );
}

export async function migrate(adapter: TransactionAdapter<unknown>): Promise<void> {
  await inTransaction(adapter, async (transaction) => {
    const { rows } = await transaction.query(existsSql);
    // This check lets a role call migrate(), too, that has no right to create schemas.
    if (isTrue(rows[0]?.["exists"])) return;
    await transaction.query(migrateLock);
    for (const statement of idempotencyKeysSql.split(";").filter((text) => text.trim()))
      await transaction.query(statement);
  });
}

function keyNotStored(): DomainEventsError {
  return new DomainEventsError(
    "IDEMPOTENCY_KEYS_MISSING",
    "The key was not stored in the table domain_events.idempotency_keys: a trigger or a rule of the table suppresses the row. runOnce() cannot work without it.",
  );
}

export function explainMissingTable(error: unknown): unknown {
  if (codeOf(error) !== "42P01" && codeOf(error) !== "3F000") return error;
  return new DomainEventsError(
    "IDEMPOTENCY_KEYS_MISSING",
    "The table domain_events.idempotency_keys is missing. Call unitOfWork.migrate() once before runOnce(), or add idempotencyKeysSql to your migrations.",
    { cause: error },
  );
}
