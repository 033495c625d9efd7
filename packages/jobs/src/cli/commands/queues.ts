import { nextPage } from "../next-page.ts";
import { formatDuration } from "../output/time.ts";
import type { Program, Run } from "../program.ts";
import { withinTimeout } from "../within-timeout.ts";
import { createPagedCommand } from "./paged-command.ts";

/** `queues`: named queues that have jobs. */
export function addQueuesCommand(program: Program, run: Run): void {
  const queues = createPagedCommand(
    "queues",
    "List the named queues that have jobs. A named queue runs one job at a time.",
  );
  queues.action(({ limit, after }) =>
    run(async (context) => {
      const { output } = context;
      const { admin } = await context.openJobs();
      const page = await withinTimeout(context, admin.queues({ limit, ...(after !== undefined && { after }) }));
      output.result(page, () =>
        page.queues.length === 0
          ? "No named queues with jobs."
          : output.table(
              [
                { title: "QUEUE", value: ({ queue }) => queue, isCut: true },
                { title: "JOBS", value: ({ count }) => count, align: "right" },
                { title: "DUE", value: ({ dueCount }) => dueCount, align: "right" },
                {
                  title: "OLDEST DUE",
                  value: ({ oldestDueAgeMs }) => (oldestDueAgeMs > 0 ? formatDuration(oldestDueAgeMs) : undefined),
                  align: "right",
                },
                { title: "HEAD JOB", value: ({ headJobId }) => headJobId },
                { title: "TASK", value: ({ headTask }) => headTask },
                { title: "LOCKED", value: ({ lockedAt }) => lockedAt && output.time(lockedAt) },
                { title: "BY", value: ({ lockedBy }) => lockedBy },
              ],
              page.queues,
            ),
      );
      if (page.isCapped) output.remark("There are more jobs than were looked at: counts are the least that there are.");
      if (page.next !== undefined) output.remark(nextPage(page.next));
    }),
  );
  program.addCommand(queues);
}
