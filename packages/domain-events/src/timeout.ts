import { onAbort } from "./on-abort.ts";

/** A connection that has not answered ROLLBACK by then is closed; PostgreSQL rolls back what it leaves open. */
export const rollbackTimeoutMs = 2_000;

/**
 * Calls back when the time is over and what had arrived by then was read: a process that stood still finds its timers before its sockets, and each turn of
 * the loop reads once.
 */
export function afterReading(callback: () => void, timeoutMs: number): NodeJS.Timeout {
  return setTimeout(() => setImmediate(() => setImmediate(callback)), timeoutMs);
}

/** Settles like the promise, or rejects after `timeoutMs`; never for Infinity. */
export async function within<Result>(
  timeoutMs: number,
  promise: PromiseLike<Result>,
  describe: () => Error = () => new Error(`No answer within ${timeoutMs} ms`),
): Promise<Result> {
  if (timeoutMs === Infinity) return promise;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(describe()), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Settles like the promise, or rejects with the signal's reason as soon as that is aborted; the work itself goes on. */
export async function untilAborted<Result>(signal: AbortSignal | undefined, promise: Promise<Result>): Promise<Result> {
  if (!signal) return promise;
  let stopWaiting: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    // The caller's own reason, whatever it is.
    stopWaiting = onAbort(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stopWaiting?.();
    // Whoever waited has been told.
    promise.catch(() => {});
  }
}
