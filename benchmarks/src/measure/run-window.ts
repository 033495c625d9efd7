import type { Figures, Measure, World } from "../benchmark.ts";
import { withFreshQueue } from "../peers/fresh-queue.ts";
import type { Handler, JobQueue, OpenQueue } from "../peers/job-queue.ts";
import { withClient } from "../servers/databases.ts";
import { createJobCounter } from "./window.ts";

export interface FullQueueOptions {
  readonly queue: JobQueue;
  readonly concurrency: number;
  readonly windowMs: number;
  readonly work: Handler;
  /** Whether a job may run more than once. */
  readonly retries?: boolean;
}

const warmUpMs = 250;
const fillBatch = 5_000;
/** Jobs of the first run, whose figure is not kept: it tells how many the next ones need. */
const firstCount = 2_000;

/**
 * Jobs per second of one worker in a window of time from a full queue. Afterwards every job has either run, once, or is
 * still there: a figure that was earned by losing or repeating jobs is none.
 */
export function measureFullQueue(world: World, options: FullQueueOptions): Measure {
  let expectedRate: number | undefined;

  const runOnce = (jobCount: number): Promise<number> =>
    withFreshQueue(options.queue, world, async (open, databaseUrl) => {
      await fill(open, jobCount, databaseUrl);
      const { windowMs, work, concurrency } = options;
      const counter = createJobCounter({ jobCount, warmUpMs, windowMs, work });
      const worker = await open.startWorker(counter.handle, { concurrency });
      await counter.windowPassed;
      await worker.stop();
      const { distinctCount, runCount } = counter;
      const remaining = await open.remaining();
      // A job that has failed has run and is there.
      const isWhole = options.retries
        ? distinctCount + remaining >= jobCount && remaining <= jobCount
        : distinctCount + remaining === jobCount && runCount === distinctCount;
      if (!isWhole) {
        throw new Error(`of ${jobCount} jobs ${distinctCount} ran, ${runCount} times, and ${remaining} are left`);
      }
      return counter.rate();
    });

  return {
    async run(): Promise<Figures> {
      const windowSeconds = (warmUpMs + options.windowMs) / 1000;
      expectedRate ??= await calibrate(runOnce);
      const rate = await runOnce(Math.ceil(expectedRate * windowSeconds * 1.3) + 500);
      expectedRate = Math.max(rate, expectedRate / 2);
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

export async function fill(open: OpenQueue, jobCount: number, databaseUrl: string): Promise<void> {
  for (let first = 0; first < jobCount; first += fillBatch) {
    const length = Math.min(fillBatch, jobCount - first);
    await open.enqueueMany(Array.from({ length }, (_, index) => first + index));
  }
  if (databaseUrl === "") return;
  // What autovacuum would do within a minute, and the disk within five.
  await withClient(databaseUrl, async (client) => {
    await client.query("vacuum (analyze)");
    await client.query("checkpoint");
  });
}
