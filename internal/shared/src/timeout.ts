// The global `setTimeout` is not used, since a test that stops the clock replaces it.
import { setImmediate } from "node:timers";
import { onAbort } from "./on-abort.ts";

/**
 * Calls back when the time is over and the data that had arrived by then was read. After a process stood still, the
 * event loop runs its timers before it reads its sockets, and it reads once in each turn.
 */
export function afterReading(callback: () => void, timeoutMs: number): NodeJS.Timeout {
  return setTimeout(() => setImmediate(() => setImmediate(callback)), timeoutMs);
}

/**
 * Settles like the promise, or rejects once it has taken longer. Infinity means no limit. The work itself goes on. If
 * the process stood still, data that has arrived is read before this rejects.
 */
export async function withTimeout<Result>(
  timeoutMs: number,
  promise: PromiseLike<Result>,
  describe: () => Error = () => new DOMException(`It took longer than ${timeoutMs} ms.`, "TimeoutError"),
): Promise<Result> {
  if (timeoutMs === Infinity) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = afterReading(() => reject(describe()), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Settles like the promise, or rejects with the signal's reason as soon as it is aborted. The work itself goes on. */
export async function untilAborted<Result>(signal: AbortSignal | undefined, promise: Promise<Result>): Promise<Result> {
  if (!signal) return promise;
  let stopWaiting: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    // The reason may be any value of the caller, and is passed on as it is.
    stopWaiting = onAbort(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stopWaiting?.();
  }
}
