import type { Figures, Measure, World } from "../benchmark.ts";
import { withFreshQueue } from "../peers/fresh-queue.ts";
import type { Handler, JobQueue } from "../peers/job-queue.ts";
import { filledQueue } from "./filled-queue.ts";
import { createJobCounter } from "./window.ts";

export interface FullQueueOptions {
  readonly queue: JobQueue;
  readonly concurrency: number;
  readonly windowMs: number;
  /** Left out of the figure. By default as long as a worker needs to get going. */
  readonly warmUpMs?: number;
  readonly work: Handler;
  /** Whether a job may run more than once. */
  readonly retries?: boolean;
}

const shortWarmUpMs = 250;
/** Jobs of the first run, whose figure is not kept: it tells how many the next ones need. */
const firstCount = 2_000;

/**
 * Jobs per second of one worker in a window of time from a full queue. Afterwards every job has either run, once, or is
 * still there: a figure that was earned by losing or repeating jobs is none.
 */
export function measureFullQueue(world: World, options: FullQueueOptions): Measure {
  const { queue, windowMs, work, concurrency, warmUpMs = shortWarmUpMs } = options;
  let jobCount: number | undefined;

  const runOnce = (count: number, warmUp: number): Promise<number> =>
    withFreshQueue(filledQueue(queue, world, count), world, async (open) => {
      const counter = createJobCounter({ jobCount: count, warmUpMs: warmUp, windowMs, work });
      const worker = await open.startWorker(counter.handle, { concurrency });
      await counter.windowPassed;
      await worker.stop();
      const { distinctCount, runCount } = counter;
      const remaining = await open.remaining();
      // A job that has failed has run and is there.
      const isWhole = options.retries
        ? distinctCount + remaining >= count && remaining <= count
        : distinctCount + remaining === count && runCount === distinctCount;
      if (!isWhole) {
        throw new Error(`of ${count} jobs ${distinctCount} ran, ${runCount} times, and ${remaining} are left`);
      }
      return counter.rate();
    });

  return {
    async run(): Promise<Figures> {
      const countFor = (rate: number) => Math.ceil((rate * (warmUpMs + windowMs)) / 1000) + 500;
      jobCount ??= countFor((await calibrate((count) => runOnce(count, shortWarmUpMs))) * 1.4);
      const rate = await runOnce(jobCount, warmUpMs);
      // The next run must not come to the end of the queue.
      if (countFor(rate * 1.1) > jobCount) jobCount = countFor(rate * 1.4);
      return { rate };
    },
  };
}

/** A queue that is through with the first jobs before the window begins is asked again with more. */
async function calibrate(runOnce: (jobCount: number) => Promise<number>): Promise<number> {
  for (let jobCount = firstCount; ; jobCount *= 6) {
    try {
      return await runOnce(jobCount);
    } catch (error) {
      if (!(error instanceof Error && /empty before the window/.test(error.message)) || jobCount > 200_000) throw error;
    }
  }
}
