import { beginWithin } from "./begin-transaction.ts";
import type { BeginOptions, Transaction, TransactionAdapter } from "./transaction-adapter.ts";
import { withTimeout } from "@acme/shared/timeout";

export interface Asking extends BeginOptions {
  /** For all of it, from begin on. */
  readonly timeoutMs: number;
}

const waiting = new WeakMap<object, Set<Promise<unknown>>>();
/** A pool may wait for a connection without end, and for each that was given up: some have to be left for others. */
const mostWaiting = 4;

/** The adapter for a question, once not too many wait for their transaction. */
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

/** Asks on a connection of its own, which is back in the pool, or closed, when the promise settles or soon after. */
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
    // To roll back would wait for the same answer.
    if (error === late) transaction.abandon(late);
    throw error;
  } finally {
    await transaction.rollback(undefined);
  }
}
