// Not the global one: a test that stops the clock replaces that.
import { setImmediate } from "node:timers";
import { onAbort } from "./on-abort.ts";

/**
 * Calls back when the time is over and what had arrived by then was read: a process that stood still finds its timers before its sockets, and each turn of
 * the loop reads once.
 */
export function afterReading(callback: () => void, timeoutMs: number): NodeJS.Timeout {
  return setTimeout(() => setImmediate(() => setImmediate(callback)), timeoutMs);
}

/**
 * Settles like the promise, or rejects once it has taken longer; never for Infinity. The work itself goes on. If the process itself stood still, what has
 * arrived is read first.
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

/** Settles like the promise, or rejects with the signal's reason as soon as that is aborted. The work itself goes on. */
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
  }
}
