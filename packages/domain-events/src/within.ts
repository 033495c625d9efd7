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
