import { runOutsideUnits } from "./running-units.ts";
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
  const beginning = runOutsideUnits(() => adapter.begin(options));
  const transaction = await within(timeoutMs, beginning).catch((error: unknown) => {
    beginning.then(
      (late) => late.rollback(error),
      () => {},
    );
    throw error;
  });
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
