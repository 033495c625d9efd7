import { beginWithin } from "./begin-transaction.ts";
import type { BeginOptions, Transaction, TransactionAdapter } from "./transaction-adapter.ts";
import { within } from "./within.ts";

export interface Asking extends BeginOptions {
  /** For all of it, from begin on. */
  readonly timeoutMs: number;
}

/** Asks on a connection of its own, which is back in the pool, or closed, when the promise settles or soon after. */
export async function askInTransaction<Result>(
  adapter: TransactionAdapter<unknown>,
  { timeoutMs, ...options }: Asking,
  ask: (transaction: Transaction<unknown>) => Promise<Result>,
): Promise<Result> {
  const giveUpAt = performance.now() + timeoutMs;
  const transaction = await beginWithin(adapter, options, { timeoutMs });
  const late = new Error(`No answer within ${timeoutMs} ms`);
  try {
    return await within(Math.max(0, giveUpAt - performance.now()), ask(transaction), () => late);
  } catch (error) {
    // To roll back would wait for the same answer.
    if (error === late) transaction.abandon(late);
    throw error;
  } finally {
    await transaction.rollback(undefined);
  }
}
