import { withQueryTimeout } from "../database/query-timeout.ts";
import { internalsOf } from "../internals.ts";
import type { Jobs } from "../jobs.ts";
import { makeRowsDue } from "../outbox/stored-rows.ts";
import { assertTask, type Task } from "../task/task.ts";
import { memorySideOf } from "./memory/memory-side.ts";

/**
 * Makes jobs due that wait for their time or for their next attempt, those of one task or all, also in the outbox. A worker
 * beside the test takes them at once. Attempts, keys, queues and priorities stay. What runs, and what is due, is left alone.
 *
 * @returns how many became due
 * @throws {@link JobsError} `TASK_UNKNOWN`, `OPTIONS_INVALID`, `MIGRATION_MISSING`, `CONNECTION_MISSING`,
 * `JOBS_DATABASE_REFUSED`, `JOBS_DATABASE_UNREACHABLE`. Errors of the outbox's database are thrown unchanged.
 * @example
 * ```ts
 * await jobs.enqueue(sendReceipt, { orderId }, { runAt: new Date("2099-01-01") });
 * expect(await makeDue(jobs, sendReceipt)).toBe(1);
 * ```
 */
export async function makeDue(jobs: Jobs, ...given: readonly [] | readonly [task: Task]): Promise<number> {
  const [task] = given;
  if (given.length > 0) assertTask(task);
  const memory = memorySideOf(jobs);
  if (memory) return memory.makeDue(task?.name ?? null);
  const { outboxPool } = internalsOf(jobs);
  // The outbox first, from which rows go to the jobs.
  const rowCount = outboxPool ? await makeRowsDue(withQueryTimeout(outboxPool()), task?.name ?? null) : 0;
  const { changedCount } = await jobs.admin.runNow({ state: "scheduled", ...(task && { task: task.name }) });
  return rowCount + changedCount;
}
