import { startedAtSql } from "./commit-proof.ts";
import { OwnedTransaction } from "./owned-transaction.ts";
import type { TransactionAdapter } from "./transaction-adapter.ts";
import { within } from "./within.ts";

/** The values of `synchronous_commit` with which COMMIT waits for synchronous standbys. */
const waits = ["on", "remote_write", "remote_apply"];

export function waitsForStandby(synchronousCommit: string): boolean {
  return waits.includes(synchronousCommit);
}

/**
 * Whether the synchronous standbys have all that was committed before: something small is committed, and waits for them as our
 * transaction did. The log is one sequence, so when that has arrived, all before it has.
 *
 * @param startedAt - Of the server that has committed: another one has other standbys.
 */
export async function isReplicated(
  adapter: TransactionAdapter<unknown>,
  { startedAt, waitsFor }: { readonly startedAt: string; readonly waitsFor: string },
  timeoutMs: number,
): Promise<boolean> {
  if (timeoutMs <= 0 || !waitsForStandby(waitsFor)) return false;
  const owned = new OwnedTransaction();
  try {
    const transaction = await adapter.begin({ watch: owned });
    const { rows } = await transaction.query(`select (${startedAtSql})::text as "startedAt",
      pg_catalog.set_config('synchronous_commit', '${waitsFor}', true),
      pg_catalog.set_config('client_min_messages', 'warning', true),
      pg_catalog.pg_logical_emit_message(true, 'domain_events', '')`);
    if (rows[0]?.["startedAt"] !== startedAt) {
      await transaction.rollback(undefined);
      return false;
    }
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
