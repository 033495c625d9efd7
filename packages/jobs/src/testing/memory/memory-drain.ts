import type { Logger } from "@acme/shared/logger";
import { withTimeout } from "@acme/shared/timeout";
import { JobsError } from "../../errors.ts";
import { createAttempts } from "../../worker/attempt.ts";
import { taskList } from "../../worker/task-list.ts";
import { countAttempts } from "../count-attempts.ts";
import { drainIncomplete, type DrainOptions, type DrainResult } from "../drain-options.ts";
import type { RunMemoryJob } from "./memory-attempts.ts";
import type { MayTake, MemoryStore } from "./memory-store.ts";

export interface DrainParts {
  readonly store: MemoryStore;
  readonly run: RunMemoryJob;
  readonly logger: Logger;
}

/** Runs jobs one after the other, until none of these tasks is left that could run. */
export async function drainMemory({ store, run, logger }: DrainParts, options: DrainOptions): Promise<DrainResult> {
  const { skipDelays = true, withinMs = 10_000, limit = Number.POSITIVE_INFINITY, follow = true } = options;
  const tasks = taskList(options.tasks);
  const attempts = createAttempts(logger);
  const over = Promise.withResolvers<void>();
  const counted = countAttempts();
  const endsAt = performance.now() + withinMs;
  const isOurs: MayTake = ({ task }) => tasks.has(task);
  const numbers = new Set(follow ? [] : store.jobs.map(({ number }) => number));
  const mayTake: MayTake = (job) => isOurs(job) && (follow || numbers.has(job.number));
  const late = () => drainIncomplete(leftTasks(), { withinMs, cause: undefined });
  const leftTasks = () => [...new Set(store.jobs.filter(isOurs).map(({ task }) => task))].toSorted();

  let ranCount = 0;
  /** @returns whether another job may run after it. */
  const runOne = async (): Promise<boolean> => {
    if (skipDelays) store.makeDue(mayTake);
    const { changed } = store;
    const job = store.take(mayTake);
    if (job === undefined) {
      if (!store.hasRunning(isOurs)) return false;
      // Somebody else runs it: another drain beside this one.
      await Promise.race([changed, over.promise]);
      return true;
    }
    ranCount += 1;
    numbers.delete(job.number);
    // It is in the list.
    await run(tasks.get(job.task) as never, job, { attempts, onAttempt: counted.count });
    return ranCount < limit;
  };

  const runAll = async () => {
    do {
      if (performance.now() > endsAt) throw late();
    } while (await runOne());
  };

  const running = runAll();
  try {
    await withTimeout(Math.max(0, endsAt - performance.now()), running, late);
    return counted.result();
  } catch (error) {
    // The job whose code hangs is free again, and the attempt does not count.
    attempts.endAll(new JobsError("WORKER_STOPPING", "The worker stopped before the job was done."));
    over.resolve();
    await running.catch(() => undefined);
    throw error;
  }
}
