import { forgetGoneFailures } from "../graphile/failure-notes.ts";
import { freeDesertedQueues, removeSuperseded, supersededJobIds } from "../graphile/job-locks.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { buryJobsOfUnknownTasks, registerTasks } from "../graphile/unknown-tasks.ts";
import type { MaintenanceTask } from "./maintenance.ts";
import type { WorkerOptions, WorkerParts } from "./worker.ts";

/** On a large table one may take minutes. */
const longestTaskMs = 600_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** What a worker does for the tables besides running jobs. */
export function maintenanceTasksOf(
  parts: WorkerParts,
  taskNames: readonly string[],
  { unknownTaskAfterMs = hourMs, onceKeys }: WorkerOptions,
): MaintenanceTask[] {
  const { logger, purgeOnceKeys } = parts;
  const pool = withQueryTimeout(parts.pool, longestTaskMs);
  const sortOutTasks = async () => {
    await registerTasks(pool, taskNames);
    const buried = await buryJobsOfUnknownTasks(pool, unknownTaskAfterMs);
    for (const [task, count] of buried) {
      logger.error({ task, count }, "no worker knows the task; its jobs are dead letters now");
    }
  };
  const removeReplaced = async () => removeSuperseded(pool, await supersededJobIds(pool));
  const purge = async () => {
    const count = onceKeys ? await purgeOnceKeys(onceKeys) : 0;
    if (count > 0) logger.info({ count }, "old once keys forgotten");
  };
  const everyMs = Math.min(minuteMs, Math.max(1_000, unknownTaskAfterMs));
  return [
    { what: "forgetting failures of jobs that are gone", everyMs: minuteMs, run: () => forgetGoneFailures(pool) },
    { what: "removing jobs that newer ones have replaced", everyMs: minuteMs, run: removeReplaced },
    { what: "freeing named queues that no job holds", everyMs: minuteMs, run: () => freeDesertedQueues(pool) },
    { what: "looking for jobs of unknown tasks", everyMs, run: sortOutTasks },
    ...(onceKeys ? [{ what: "forgetting old once keys", everyMs: hourMs, run: purge }] : []),
  ];
}
