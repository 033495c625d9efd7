/**
 * The result, or a rejection with a `TimeoutError` when it takes longer; the work itself goes on. Where the process itself did not get on meanwhile, what has
 * arrived is read first: a worker would give up the session that says that it lives.
 */
export async function withTimeout<Result>(milliseconds: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const tooLate = () => reject(new DOMException(`It took longer than ${milliseconds} ms.`, "TimeoutError"));
    timer = setTimeout(() => setImmediate(() => setImmediate(tooLate)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // Whoever waited has been told; a rejection after that must not end the process.
    work.catch(() => undefined);
  }
}

/** The result, or a rejection with the signal's reason as soon as it is aborted; the work itself goes on. */
export async function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => undefined);
  }
}
