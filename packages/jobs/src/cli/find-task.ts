import type { Task } from "../task/task.ts";
import type { CliContext } from "./context.ts";

/** The task of that name in the configuration, with its schema. */
export async function findTask(context: CliContext, name: string): Promise<Task | undefined> {
  const tasks = (await context.readConfig())?.tasks ?? [];
  return tasks.find(({ task }) => task.name === name)?.task;
}
