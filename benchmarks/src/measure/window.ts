import type { Handler } from "../peers/job-queue.ts";

/** Counts jobs as they start, each number at most once unless retries are part of the work. */
export interface JobCounter {
  readonly handle: Handler;
  /** Resolves after the window, or as soon as every job has run. */
  readonly windowPassed: Promise<void>;
  /** Jobs per second in the window. */
  rate(): number;
  readonly distinctCount: number;
  readonly runCount: number;
}

export interface WindowOptions {
  readonly jobCount: number;
  /** Left out of the figure: the start of a worker is not its speed. */
  readonly warmUpMs: number;
  readonly windowMs: number;
  readonly work: Handler;
}

export function createJobCounter({ jobCount, warmUpMs, windowMs, work }: WindowOptions): JobCounter {
  const seen = new Uint8Array(jobCount);
  const { promise: windowPassed, resolve } = Promise.withResolvers<void>();
  let runs = 0;
  let distinct = 0;
  let isOver = false;
  const marks: { at: number; runs: number; distinct: number }[] = [];
  const ranAll = (mark: { distinct: number }) => mark.distinct === jobCount;

  const note = () => {
    if (!isOver) marks.push({ at: performance.now(), runs, distinct });
  };
  const end = () => {
    note();
    isOver = true;
    resolve();
  };
  const begin = () => {
    setTimeout(note, warmUpMs);
    setTimeout(end, warmUpMs + windowMs);
  };

  return {
    handle(number) {
      if (runs === 0) begin();
      runs += 1;
      if (seen[number] === 0) {
        seen[number] = 1;
        distinct += 1;
        // The last one: what comes after would only dilute the figure.
        if (distinct === jobCount && marks.length === 1) end();
      }
      return work(number);
    },
    windowPassed,
    rate() {
      const [first, last] = marks;
      if (first === undefined || last === undefined || ranAll(first)) {
        throw new Error("the queue was empty before the window began");
      }
      return ((last.runs - first.runs) * 1000) / (last.at - first.at);
    },
    get distinctCount() {
      return distinct;
    },
    get runCount() {
      return runs;
    },
  };
}
