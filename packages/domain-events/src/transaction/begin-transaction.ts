import { runOutsideUnits } from "../current-unit.ts";
import type { BeginOptions, Transaction, TransactionAdapter } from "./transaction-adapter.ts";
import { afterReading, untilAborted } from "@acme/shared/timeout";

/**
 * Rejects with the signal's reason as soon as the signal is aborted. A connection that the pool hands out later goes
 * back; one that has not answered BEGIN is closed.
 */
export async function beginUnlessAborted<Tx>(
  adapter: TransactionAdapter<Tx>,
  options: BeginOptions & { readonly signal: AbortSignal },
): Promise<Transaction<Tx>> {
  // A connection opened here outlives the unit, and its callbacks run in the context in which it was opened.
  const beginning = runOutsideUnits(() => adapter.begin(options));
  try {
    return await untilAborted(options.signal, beginning);
  } catch (error) {
    beginning.then((late) => late.rollback(error)).catch(() => {});
    throw error;
  }
}

/**
 * Rejects if no transaction has begun after `timeoutMs`. With `onlyAnswer`, the time begins when a connection is
 * checked out.
 */
export async function beginWithin<Tx>(
  adapter: TransactionAdapter<Tx>,
  options: Omit<BeginOptions, "signal" | "onConnection">,
  { timeoutMs, onlyAnswer = false }: { readonly timeoutMs: number; readonly onlyAnswer?: boolean },
): Promise<Transaction<Tx>> {
  const waiting = new AbortController();
  const late = (): void => waiting.abort(new Error(`No transaction within ${timeoutMs} ms`));
  let timer: NodeJS.Timeout | undefined;
  const start = (): void => {
    if (timeoutMs !== Infinity) timer = afterReading(late, timeoutMs);
  };
  if (!onlyAnswer) start();
  try {
    const onConnection = onlyAnswer ? start : undefined;
    return await beginUnlessAborted(adapter, { ...options, signal: waiting.signal, onConnection });
  } finally {
    clearTimeout(timer);
  }
}
