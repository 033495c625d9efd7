import {
  askMemoryTransactionSql,
  isMemoryTx,
  queryOfMemoryTx,
  type MemoryTransaction,
} from "@acme/shared/memory-transaction";
import { toQueryable } from "../../database/queryable.ts";
import { JobsError } from "../../errors.ts";

/**
 * The transaction in memory to which a `tx` belongs.
 *
 * @throws {@link JobsError} `TRANSACTION_INVALID` for what no `enqueue` takes, and for the `tx` of a unit in which the caller does
 * not run; `NOT_IN_MEMORY` for a transaction of a database.
 */
export async function transactionInMemory(tx: unknown): Promise<MemoryTransaction> {
  const query = isMemoryTx(tx) ? queryOfMemoryTx(tx) : undefined;
  if (query === undefined && isMemoryTx(tx)) throw outsideOfUnit();
  // Refuses what is no transaction at all.
  if (query === undefined) toQueryable(tx);
  const db = query ?? (isOfUnit(tx) ? tx.query : undefined);
  // A unit of work over a database answers with null.
  const answer = await db?.(askMemoryTransactionSql, []);
  const [row] = (answer?.rows ?? []) as readonly { readonly memory_transaction?: MemoryTransaction | null }[];
  if (row?.memory_transaction) return row.memory_transaction;
  throw notInMemory();
}

type OfUnit = { query(text: string, values: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }> };

/** The context of a unit of work, or what a unit of work gives to durable handlers. No need to ask a database itself. */
function isOfUnit(tx: unknown): tx is OfUnit {
  if (typeof tx !== "object" || tx === null || !("query" in tx)) return false;
  return "proofSql" in tx || ("savepoint" in tx && "record" in tx);
}

function outsideOfUnit(): JobsError {
  return new JobsError(
    "TRANSACTION_INVALID",
    'The "tx" is that of a unit of work without a database, and the call is not made in such a unit. Await enqueue() in the work, or pass the context of the unit.',
  );
}

function notInMemory(): JobsError {
  return new JobsError(
    "NOT_IN_MEMORY",
    'The "tx" is of a database, and jobs in memory cannot belong to its transaction. Use createMemoryUnitOfWork() and pass the context of the unit, or test with createJobs() and PostgreSQL.',
  );
}
