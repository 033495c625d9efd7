/** A connection that has not answered ROLLBACK by then is closed; PostgreSQL rolls back what it leaves open. */
export const rollbackTimeoutMs = 2_000;

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
  const settled = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    // The caller's own reason, whatever it is.
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { signal: settled.signal });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    settled.abort();
    // Whoever waited has been told.
    promise.catch(() => {});
  }
}
