import type { World } from "../benchmark.ts";
import { freshDatabase } from "../servers/databases.ts";
import type { JobQueue, OpenQueue } from "./job-queue.ts";

/** Opens the queue, empty, for one run. */
export async function withFreshQueue<Result>(
  queue: JobQueue,
  world: World,
  work: (open: OpenQueue) => Promise<Result>,
): Promise<Result> {
  if (queue.prepare === undefined) {
    await using open = await queue.open(world, "");
    return await work(open);
  }
  await using database = await freshDatabase(world, queue.name, queue.prepare);
  await using open = await queue.open(world, database.url);
  return await work(open);
}
