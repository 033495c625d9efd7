import { moveJobsFailedByOthers } from "../graphile/failed-by-others.ts";
import { forgetGoneFailures } from "../graphile/failure-notes.ts";
import { freeDesertedQueues, removeSuperseded, supersededJobIds } from "../graphile/job-locks.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { moveJobsOfUnknownTasks, registerTasks } from "../graphile/unknown-tasks.ts";
import type { MaintenanceTask } from "./maintenance.ts";
import type { WorkerDependencies } from "./worker-dependencies.ts";
import type { WorkerSettings } from "./worker-options.ts";

/** A maintenance task may take minutes on a large table. */
const longestTaskMs = 600_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** The maintenance tasks of a worker. */
export function maintenanceTasksOf(
  dependencies: WorkerDependencies,
  { tasks, unknownTaskAfterMs, idempotencyKeys }: WorkerSettings,
): MaintenanceTask[] {
  const { logger, purgeIdempotencyKeys } = dependencies;
  const pool = withQueryTimeout(dependencies.pool, longestTaskMs);
  const sortOutTasks = async () => {
    await registerTasks(pool, [...tasks.keys()]);
    const moved = await moveJobsOfUnknownTasks(pool, unknownTaskAfterMs);
    for (const [task, count] of moved) {
      logger.error({ task, count }, "no worker knows the task; its jobs are dead letters now");
    }
  };
  const removeReplaced = async () => removeSuperseded(pool, await supersededJobIds(pool));
  const keepFailed = async () => {
    for (const [task, count] of await moveJobsFailedByOthers(pool)) {
      logger.error({ task, count }, "jobs were failed for good by somebody else; they are dead letters now");
    }
  };
  const purge = async () => {
    const count = idempotencyKeys ? await purgeIdempotencyKeys(idempotencyKeys) : 0;
    if (count > 0) logger.info({ count }, "old idempotency keys forgotten");
  };
  const everyMs = Math.min(minuteMs, Math.max(1_000, unknownTaskAfterMs));
  return [
    { what: "forgetting failures of jobs that are gone", everyMs: minuteMs, run: () => forgetGoneFailures(pool) },
    { what: "removing jobs that newer ones have replaced", everyMs: minuteMs, run: removeReplaced },
    { what: "keeping jobs that others have failed for good", everyMs: minuteMs, run: keepFailed },
    { what: "freeing named queues that no job holds", everyMs: minuteMs, run: () => freeDesertedQueues(pool) },
    { what: "looking for jobs of unknown tasks", everyMs, run: sortOutTasks },
    ...(idempotencyKeys ? [{ what: "forgetting old idempotency keys", everyMs: hourMs, run: purge }] : []),
  ];
}
