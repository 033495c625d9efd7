import { beginWithin } from "./begin-transaction.ts";
import type { BeginOptions, Transaction, TransactionAdapter } from "./transaction-adapter.ts";
import { withTimeout } from "@acme/shared/timeout";

export interface Asking extends BeginOptions {
  /** The time for the whole question, including the wait for a connection. */
  readonly timeoutMs: number;
}

const waiting = new WeakMap<object, Set<Promise<unknown>>>();
/**
 * A pool may wait for a connection without end, even after the question was given up. So only a few questions may wait
 * for one, and the other connections of the pool stay available.
 */
const mostWaiting = 4;

/** Waits until few enough questions wait for their transaction, and returns an adapter that counts this one. */
async function adapterOfQuestions(
  adapter: TransactionAdapter<unknown>,
  timeoutMs: number,
): Promise<TransactionAdapter<unknown>> {
  const { database } = adapter;
  const begins = waiting.get(database) ?? new Set();
  waiting.set(database, begins);
  const giveUpAt = performance.now() + timeoutMs;
  while (begins.size >= mostWaiting) await withTimeout(Math.max(0, giveUpAt - performance.now()), Promise.race(begins));
  return {
    database,
    begin(options) {
      const beginning = adapter.begin(options);
      begins.add(beginning);
      const forget = (): void => void begins.delete(beginning);
      beginning.then(forget, forget);
      return beginning;
    },
  };
}

/** Asks on a connection of its own. It is back in the pool, or closed, when the promise settles or soon after. */
export async function askInTransaction<Result>(
  adapter: TransactionAdapter<unknown>,
  { timeoutMs, ...options }: Asking,
  ask: (transaction: Transaction<unknown>) => Promise<Result>,
): Promise<Result> {
  const giveUpAt = performance.now() + timeoutMs;
  const asking = await adapterOfQuestions(adapter, timeoutMs);
  const transaction = await beginWithin(asking, options, { timeoutMs: giveUpAt - performance.now() });
  const late = new Error(`No answer within ${timeoutMs} ms`);
  try {
    return await withTimeout(Math.max(0, giveUpAt - performance.now()), ask(transaction), () => late);
  } catch (error) {
    // ROLLBACK would wait behind the same unanswered statement.
    if (error === late) transaction.abandon(late);
    throw error;
  } finally {
    await transaction.rollback(undefined);
  }
}
