import { createCommand } from "../command.ts";
import type { Program, Run } from "../program.ts";
import { withinTimeout } from "../within-timeout.ts";

/** `tasks`: what jobs there can be. */
export function addTasksCommand(program: Program, run: Run): void {
  const tasks = createCommand("tasks", {
    description: "List the tasks, and whether a living worker knows them.",
    examples: ["tasks"],
  });
  tasks.action(() =>
    run(async (context) => {
      const { output } = context;
      const { admin } = await context.openJobs();
      const listed = await withinTimeout(context, admin.tasks());
      output.result({ tasks: listed }, () =>
        listed.length === 0
          ? "No tasks."
          : output.table(
              [
                { title: "TASK", value: ({ task }) => task },
                { title: "WORKER", value: ({ isKnownByWorker }) => (isKnownByWorker ? "yes" : "none alive") },
                { title: "LAST KNOWN", value: ({ knownAt }) => knownAt && output.time(knownAt) },
                { title: "JOBS", value: ({ due, scheduled, locked }) => due + scheduled + locked, align: "right" },
                { title: "DEAD", value: ({ dead }) => dead, align: "right" },
              ],
              listed,
            ),
      );
    }),
  );
  program.addCommand(tasks);
}
