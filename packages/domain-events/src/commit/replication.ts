import { askInTransaction } from "../transaction/ask-in-transaction.ts";
import { startedAtSql } from "./commit-proof.ts";
import { OwnedTransaction } from "../transaction/owned-transaction.ts";
import type { TransactionAdapter } from "../transaction/transaction-adapter.ts";

/** The values of `synchronous_commit` with which COMMIT waits for synchronous standbys. */
const waits = ["on", "remote_write", "remote_apply"];

export function waitsForStandby(synchronousCommit: string): boolean {
  return waits.includes(synchronousCommit);
}

/**
 * Whether the synchronous standbys have everything that was committed before. To find out, a small transaction is
 * committed, which waits for the standbys as our transaction did. The log is one sequence, so when this commit has
 * arrived, everything before it has arrived.
 *
 * @param startedAt - When the server that has committed was started. Another server has other standbys.
 */
export async function isReplicated(
  adapter: TransactionAdapter<unknown>,
  { startedAt, waitsFor }: { readonly startedAt: string; readonly waitsFor: string },
  timeoutMs: number,
): Promise<boolean> {
  if (timeoutMs <= 0 || !waitsForStandby(waitsFor)) return false;
  const watch = new OwnedTransaction();
  try {
    return await askInTransaction(adapter, { timeoutMs, watch }, async (transaction) => {
      const { rows } = await transaction.query(`select pg_catalog.concat(${startedAtSql}) as "startedAt",
        pg_catalog.set_config('synchronous_commit', '${waitsFor}', true),
        pg_catalog.set_config('client_min_messages', 'warning', true),
        pg_catalog.pg_logical_emit_message(true, 'domain_events', '')`);
      if (rows[0]?.["startedAt"] !== startedAt) return false;
      watch.commits();
      return (await transaction.commit()) === "COMMIT" && !watch.isReplicationUnknown;
    });
  } catch {
    // Then it stays unknown.
    return false;
  }
}
