import { DomainEventsError } from "../errors.ts";
import { inTransaction } from "./in-transaction.ts";
import { explainMissingTable } from "./run-once.ts";
import type { TransactionAdapter } from "../transaction/transaction-adapter.ts";

/** Which keys of `runOnce` to delete. */
export interface PurgeIdempotencyKeysOptions {
  /**
   * Milliseconds since `runOnce` was last called with the key. Choose a time after which no caller can come again with
   * the same key.
   */
  readonly olderThanMs: number;
  /**
   * Is given up to some thousands of keys at a time, and returns those that may be used again. They are kept. Default:
   * none.
   */
  readonly keep?: (keys: readonly string[]) => Iterable<string> | Promise<Iterable<string>>;
}

const batchSize = 10_000;
/** With a greater age, PostgreSQL would have to compute a time before the beginning of its calendar. */
const longestAgeMs = 1e14;

/** The time as a text that means the same in every session, whatever its date style and time zone. */
function instant(sql: string): string {
  return `to_char((${sql}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** Oldest first, and from the position of the last key read, so that kept keys are not read again and again. */
const oldSql = `
  select key, ${instant("used_at")} as used_at, ${instant("now() - $1::float8 * interval '1 millisecond'")} as before
  from domain_events.idempotency_keys
  where used_at < now() - $1::float8 * interval '1 millisecond' and (used_at, key) > ($2::timestamptz, $3)
  order by used_at, key limit ${batchSize}`;

/** The time is compared again, since `runOnce` may have used a key while `keep` was running. */
const forgetSql = `
  with forgotten as (
    delete from domain_events.idempotency_keys where key = any($1::text[]) and used_at < $2::timestamptz returning 1
  ) select count(*)::int as count from forgotten`;

/** @returns how many keys were deleted. */
export async function purgeIdempotencyKeys(
  adapter: TransactionAdapter<unknown>,
  { olderThanMs, keep = () => [] }: PurgeIdempotencyKeysOptions,
): Promise<number> {
  if (!(olderThanMs >= 0 && olderThanMs <= longestAgeMs) || typeof keep !== "function") {
    throw new DomainEventsError(
      "OPTIONS_INVALID",
      "purgeIdempotencyKeys() takes { olderThanMs, keep }, a number from 0 to 10^14 (three thousand years) and, if you like, a function.",
    );
  }
  const query = async (sql: string, values: readonly unknown[]) =>
    (await inTransaction(adapter, (transaction) => transaction.query(sql, values))).rows;

  let forgotten = 0;
  let position: readonly unknown[] = ["-infinity", ""];
  for (;;) {
    const rows = await query(oldSql, [olderThanMs, ...position]).catch((error: unknown) => {
      throw explainMissingTable(error);
    });
    const last = rows.at(-1);
    if (last === undefined) return forgotten;
    const keys = rows.map((row) => String(row["key"]));
    const kept = new Set(await keep(keys));
    const [counted] = await query(forgetSql, [keys.filter((key) => !kept.has(key)), last["before"]]);
    forgotten += Number(counted?.["count"]);
    position = [last["used_at"], last["key"]];
  }
}
