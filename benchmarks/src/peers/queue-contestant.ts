import type { Contestant, Measure, World } from "../benchmark.ts";
import type { JobQueue } from "./job-queue.ts";

/** A queue that takes part under its own name. */
export function queueContestant(queue: JobQueue, settings: string, start: (world: World) => Measure): Contestant {
  return {
    name: queue.name,
    settings,
    ...(queue.package && { package: queue.package }),
    ...(queue.needs && { needs: queue.needs }),
    start: (world) => Promise.resolve(start(world)),
  };
}
