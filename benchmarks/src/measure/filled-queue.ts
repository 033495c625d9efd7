import type { World } from "../benchmark.ts";
import { withFreshQueue } from "../peers/fresh-queue.ts";
import type { JobQueue, OpenQueue } from "../peers/job-queue.ts";
import { withClient } from "../servers/databases.ts";

const fillBatch = 5_000;

/** Opens the queue with jobs in it, for one run. They are added once, and copied with the database. */
export function withFilledQueue<Result>(
  queue: JobQueue,
  world: World,
  jobCount: number,
  work: (open: OpenQueue) => Promise<Result>,
): Promise<Result> {
  const { prepare } = queue;
  if (prepare === undefined) {
    return withFreshQueue(queue, world, async (open) => {
      await fill(open, jobCount);
      return work(open);
    });
  }
  const filled: JobQueue = {
    ...queue,
    name: `${queue.name}, ${jobCount} jobs`,
    async prepare(databaseUrl) {
      await prepare(databaseUrl);
      {
        await using open = await queue.open(world, databaseUrl);
        await fill(open, jobCount);
      }
      // What autovacuum would do within a minute.
      await withClient(databaseUrl, (client) => client.query("vacuum (analyze)"));
    },
  };
  return withFreshQueue(filled, world, work);
}

async function fill(open: OpenQueue, jobCount: number): Promise<void> {
  for (let first = 0; first < jobCount; first += fillBatch) {
    const length = Math.min(fillBatch, jobCount - first);
    await open.enqueueMany(Array.from({ length }, (_, index) => first + index));
  }
}
