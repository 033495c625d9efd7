import { codeOf, isConflict } from "../transaction/database-error.ts";
import { DomainEventsError } from "../errors.ts";
import { isTrue } from "@acme/shared/is-true";
import { inTransaction } from "./in-transaction.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";

/**
 * The table behind `runOnce`, for those who keep migrations of their own. It may run any number of times, and renames a
 * table `once_keys`, its name until 0.1, with its keys. `unitOfWork.migrate()` runs the same.
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
 * Waits for another transaction that holds the key. A key that somebody came back with is young again: whoever else holds it may come back,
 * too. In one statement, or it could be purged between two.
 */
export const claimKeySql = `insert into domain_events.idempotency_keys as known (key) values ($1)
  on conflict (key) do update set used_at = now() returning known.key, known.xmax operator(pg_catalog.=) 0 as claimed`;

/** The older name beside it: a process of before has made its table again, and both kinds of processes would run the same key. */
const existsSql = `select to_regclass('domain_events.idempotency_keys') is not null
  and to_regclass('domain_events.once_keys') is null as exists`;
// Any number, as long as it stays the same: `create … if not exists` of two sessions at once may fail.
const migrateLock = "select pg_advisory_xact_lock(7025311928847)";

/** Whether this call ran the work, and if so with what result. */
export type RunOnceResult<Result> = { readonly ran: true; readonly result: Result } | { readonly ran: false };

// Of the server's own errors: the work has not begun, so running again costs nothing and repeats nothing.
const claimConflicts = new WeakSet<object>();

/** A claim that met a transaction which had claimed the key since this one's snapshot. */
export function isClaimConflict(error: unknown): boolean {
  return typeof error === "object" && error !== null && claimConflicts.has(error);
}

export async function claimKey(query: Transaction<unknown>["query"], key: string): Promise<boolean> {
  try {
    const { rows } = await query(claimKeySql, [key]);
    if (rows[0] === undefined) throw keyNotStored();
    // In some encodings (EUC_JP) the database has one character for two of ours, and two keys would be one.
    if (rows[0]["key"] !== key) throw keyInvalid(" This database stores another key instead, as its encoding has it.");
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
  // On its way to the server every lone surrogate becomes the same replacement character.
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
    // Looking first lets a role without the right to create schemas call migrate(), too.
    if (isTrue(rows[0]?.["exists"])) return;
    await transaction.query(migrateLock);
    for (const statement of idempotencyKeysSql.split(";").filter((text) => text.trim()))
      await transaction.query(statement);
  });
}

function keyNotStored(): DomainEventsError {
  return new DomainEventsError(
    "IDEMPOTENCY_KEYS_MISSING",
    "The table domain_events.idempotency_keys has not taken the key: a trigger or a rule of it keeps rows out. Nothing can be run once without it.",
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
