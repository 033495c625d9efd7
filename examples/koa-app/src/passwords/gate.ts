/** Too much work is waiting already; the caller should come back later. */
export class TooBusyError extends Error {
  override readonly name = "TooBusyError";
  readonly code = "TOO_BUSY";
}

/** Runs work, at most `concurrency` pieces at a time, in the order they came. Beyond `maxWaitingCount` it refuses. */
export function createGate({ concurrency, maxWaitingCount }: { concurrency: number; maxWaitingCount: number }) {
  const waiting: (() => void)[] = [];
  let runningCount = 0;

  return async function run<Result>(work: () => Promise<Result>): Promise<Result> {
    await enter();
    try {
      return await work();
    } finally {
      leave();
    }
  };

  async function enter(): Promise<void> {
    if (runningCount < concurrency) {
      runningCount += 1;
      return;
    }
    if (waiting.length >= maxWaitingCount) {
      throw new TooBusyError(`${maxWaitingCount} pieces of work are waiting already. Try again in a few seconds.`);
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  // The place of the one that leaves goes straight to the next, so that nobody can slip in between.
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) runningCount -= 1;
    else next();
  }
}
