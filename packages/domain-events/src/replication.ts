import { OwnedTransaction } from "./owned-transaction.ts";
import type { TransactionAdapter } from "./transaction-adapter.ts";
import { within } from "./within.ts";

/**
 * Whether the synchronous standbys have all that was committed before: something small is committed, and waits for them. The log is one
 * sequence, so when that has arrived, all before it has.
 */
export async function isReplicated(adapter: TransactionAdapter<unknown>, timeoutMs: number): Promise<boolean> {
  if (timeoutMs <= 0) return false;
  const owned = new OwnedTransaction();
  try {
    const transaction = await adapter.begin({ watch: owned });
    await transaction.query("select pg_logical_emit_message(true, 'domain_events', '')");
    owned.commits();
    const tag = await within(timeoutMs, transaction.commit()).catch((error: unknown) => {
      transaction.abandon(error instanceof Error ? error : new Error("COMMIT failed"));
      throw error;
    });
    return tag === "COMMIT" && !owned.isReplicationUnknown;
  } catch {
    // Then nobody knows.
    return false;
  }
}
