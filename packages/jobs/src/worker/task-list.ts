import { JobsError } from "../errors.ts";
import type { PerformableTask } from "../task/perform.ts";

/**
 * @throws {@link JobsError} `HANDLER_INVALID` for an element that `perform` did not make, `TASK_DUPLICATE` for a task
 * given twice.
 */
export function taskList(tasks: readonly PerformableTask[]): ReadonlyMap<string, PerformableTask> {
  const table = new Map<string, PerformableTask>();
  for (const performable of tasks) {
    assertPerformable(performable);
    const { name } = performable.task;
    if (table.has(name)) {
      throw new JobsError("TASK_DUPLICATE", `Task "${name}" is given twice. A worker takes one perform(…) per task.`);
    }
    table.set(name, performable);
  }
  if (table.size === 0) {
    throw new JobsError("HANDLER_INVALID", "A worker without tasks does nothing. Pass { tasks: [perform(task, …)] }.");
  }
  return table;
}

function assertPerformable(value: unknown): asserts value is PerformableTask {
  if (typeof value === "object" && value !== null && "run" in value && "task" in value) return;
  throw new JobsError("HANDLER_INVALID", "One of the tasks has no code. Wrap it: perform(task, async (payload) => …).");
}
