import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as turn } from "node:timers/promises";
import type { Logger } from "@acme/shared/logger";
import type { PerformableTask } from "../../task/perform.ts";
import { createAttempts } from "../../worker/attempt.ts";
import { taskList } from "../../worker/task-list.ts";
import type { RunMemoryJob } from "./memory-attempts.ts";
import type { MemoryStore } from "./memory-store.ts";

/** What an application that is still being put together has later. */
export type InlineTasks = readonly PerformableTask[] | (() => readonly PerformableTask[]);

export interface InlineParts {
  readonly store: MemoryStore;
  readonly run: RunMemoryJob;
  readonly logger: Logger;
  readonly tasks: InlineTasks;
}

/** So many jobs at most run before timers do, such as the time limit of a test. */
const jobsPerTurn = 100;

/**
 * Runs what is due, one job after the other.
 *
 * @returns a function that resolves when nothing is due any more. Called by the code of a job it resolves at once: what that
 * code has enqueued follows when it has ended.
 */
export function createInlineRuns({ store, run, logger, tasks }: InlineParts): () => Promise<void> {
  const insideJob = new AsyncLocalStorage<true>();
  // As in a worker, nothing of whoever enqueues is there where a job runs, least of all its unit of work.
  const outside = AsyncLocalStorage.snapshot();
  const attempts = createAttempts(logger);
  let table: ReturnType<typeof taskList> | undefined;
  let running: Promise<void> | undefined;

  const runAll = async () => {
    const known = (table ??= taskList(typeof tasks === "function" ? tasks() : tasks));
    for (let count = 1; ; count++) {
      const job = store.take(({ task }) => known.has(task));
      if (job === undefined) {
        // In the turn of the last look: what is enqueued from now on has nobody else to run it.
        running = undefined;
        return;
      }
      // It is in the list.
      const performable = known.get(job.task) as PerformableTask;
      await insideJob.run(true, () => run(performable, job, { attempts }));
      if (count % jobsPerTurn === 0) await turn();
    }
  };

  const start = async () => {
    // Whoever has started this notes it first.
    await Promise.resolve();
    try {
      await runAll();
    } catch (error) {
      // The tasks could not be listed.
      running = undefined;
      throw error;
    }
  };

  return async () => {
    running ??= outside(start);
    if (insideJob.getStore() === undefined) await running;
    else running.catch(() => undefined);
  };
}
