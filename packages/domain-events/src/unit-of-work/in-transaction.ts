import { TransactionAbortedError } from "../errors.ts";
import { runOutsideUnits } from "../current-unit.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";

/** A transaction for the package's own statements, without events and without a unit. */
export async function inTransaction<Result>(
  adapter: TransactionAdapter<unknown>,
  work: (transaction: Transaction<unknown>) => Promise<Result>,
): Promise<Result> {
  const transaction = await runOutsideUnits(() => adapter.begin({ isolation: "read committed" }));
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
