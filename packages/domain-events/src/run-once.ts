import { codeOf } from "./database-error.ts";
import { DomainEventsError, TransactionAbortedError } from "./errors.ts";
import type { Transaction, TransactionAdapter } from "./transaction-adapter.ts";

/**
 * The table behind `runOnce`, for those who keep migrations of their own. It may run any number of times.
 * `unitOfWork.migrate()` runs the same.
 */
export const onceKeysSql = `create schema if not exists domain_events;
create table if not exists domain_events.once_keys (
  key text primary key,
  used_at timestamptz not null default now()
);
create index if not exists once_keys_used_at on domain_events.once_keys (used_at);`;

/** Waits for another transaction that holds the key; returns a row if and only if this one may go on. */
export const claimKeySql = "insert into domain_events.once_keys (key) values ($1) on conflict do nothing returning key";

/** A key that somebody came back with is young again: whoever else holds it may come back, too. */
const touchKeySql = "update domain_events.once_keys set used_at = now() where key = $1";

const existsSql = "select to_regclass('domain_events.once_keys') is not null as exists";
// Any number, as long as it stays the same: `create … if not exists` of two sessions at once may fail.
const migrateLock = "select pg_advisory_xact_lock(7025311928847)";

/** Whether this call ran the work, and if so with what result. */
export type RunOnceResult<Result> = { readonly ran: true; readonly result: Result } | { readonly ran: false };

export async function claimKey<Tx>(transaction: Transaction<Tx>, key: string): Promise<boolean> {
  try {
    const { rows } = await transaction.query(claimKeySql, [key]);
    if (rows.length > 0) return true;
    await transaction.query(touchKeySql, [key]);
    return false;
  } catch (error) {
    throw explainMissingTable(error);
  }
}

export function checkKey(key: unknown): void {
  if (typeof key === "string" && key.length > 0 && key.length <= 500 && !key.includes("\0")) return;
  throw new DomainEventsError(
    "ONCE_KEY_INVALID",
    "runOnce() takes a key of 1 to 500 characters without NUL first, such as the idempotencyKey of a job.",
  );
}

export async function migrate<Tx>(adapter: TransactionAdapter<Tx>): Promise<void> {
  await inTransaction(adapter, async (transaction) => {
    const { rows } = await transaction.query(existsSql);
    // Looking first lets a role without the right to create schemas call migrate(), too.
    if (rows[0]?.["exists"] === true) return;
    await transaction.query(migrateLock);
    for (const statement of onceKeysSql.split(";").filter((text) => text.trim())) await transaction.query(statement);
  });
}

export async function inTransaction<Tx, Result>(
  adapter: TransactionAdapter<Tx>,
  work: (transaction: Transaction<Tx>) => Promise<Result>,
): Promise<Result> {
  const transaction = await adapter.begin({});
  let result: Result;
  try {
    result = await work(transaction);
  } catch (error) {
    await transaction.rollback(error);
    throw error;
  }
  const tag = await transaction.commit();
  if (tag !== "COMMIT") throw TransactionAbortedError.swallowed(`PostgreSQL answered ${tag} to COMMIT.`);
  return result;
}

export function explainMissingTable(error: unknown): unknown {
  if (codeOf(error) !== "42P01" && codeOf(error) !== "3F000") return error;
  return new DomainEventsError(
    "ONCE_KEYS_MISSING",
    "The table domain_events.once_keys is missing. Call unitOfWork.migrate() once before runOnce(), or add onceKeysSql to your migrations.",
    { cause: error },
  );
}
