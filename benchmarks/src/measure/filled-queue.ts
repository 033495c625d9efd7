import type { World } from "../benchmark.ts";
import type { JobQueue, OpenQueue } from "../peers/job-queue.ts";
import { withClient } from "../servers/databases.ts";

const fillBatch = 5_000;

/** The queue with jobs in it at the beginning of each run. They are added once, and copied with the database. */
export function filledQueue(queue: JobQueue, world: World, jobCount: number): JobQueue {
  const { prepare } = queue;
  if (prepare === undefined) {
    return {
      ...queue,
      async open(_world, databaseUrl) {
        await using opened = new AsyncDisposableStack();
        const open = opened.use(await queue.open(world, databaseUrl));
        await fill(open, jobCount);
        opened.move();
        return open;
      },
    };
  }
  return {
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
}

async function fill(open: OpenQueue, jobCount: number): Promise<void> {
  for (let first = 0; first < jobCount; first += fillBatch) {
    const length = Math.min(fillBatch, jobCount - first);
    await open.enqueueMany(Array.from({ length }, (_, index) => first + index));
  }
}
