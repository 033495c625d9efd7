import type { Admin } from "../../admin/admin.ts";
import { createCommand } from "../command.ts";
import { nextPage } from "../next-page.ts";
import { describeTiming, stateOfSchedule } from "../render/schedule.ts";
import type { Program, Run } from "../program.ts";
import { withinTimeout } from "../within-timeout.ts";
import { createPagedCommand } from "./paged-command.ts";
import { addScheduleChanges } from "./schedule-changes.ts";

/** `schedules …`: what enqueues jobs at certain times. */
export function addSchedulesCommands(program: Program, run: Run): void {
  const schedules = createCommand("schedules", {
    description: "Schedules: what enqueues jobs at certain times.",
    examples: ["schedules list", "schedules pause nightly-report --yes"],
  });
  addList(schedules, run);
  addScheduleChanges(schedules, run);
  program.addCommand(schedules);
}

function addList(schedules: ReturnType<typeof createCommand>, run: Run): void {
  const list = createPagedCommand("list", "List the schedules that workers have, or had.", "schedules list");
  list.action(({ limit, after }) =>
    run(async (context) => {
      const { output } = context;
      const { admin } = await context.openJobs();
      const page = await withinTimeout(context, admin.schedules({ limit, ...(after !== undefined && { after }) }));
      output.result(page, () => (page.schedules.length === 0 ? "No schedules." : table(output, page.schedules)));
      if (page.next !== undefined) output.remark(nextPage(page.next));
    }),
  );
  schedules.addCommand(list);
}

type Listed = Awaited<ReturnType<Admin["schedules"]>>["schedules"];

function table(output: Parameters<Parameters<Run>[0]>[0]["output"], schedules: Listed): string {
  const time = (at: Date | null) => at && output.time(at);
  return output.table(
    [
      { title: "SCHEDULE", value: ({ name }) => name },
      { title: "STATE", value: stateOfSchedule },
      { title: "TIMES", value: ({ timing }) => describeTiming(timing), isCut: true },
      { title: "NEXT", value: ({ nextAt }) => time(nextAt) },
      { title: "LAST", value: ({ lastTickAt }) => time(lastTickAt) },
      { title: "LAST JOB", value: ({ lastJobId }) => lastJobId },
      { title: "SKIPPED", value: ({ skippedAt }) => time(skippedAt) },
      { title: "TASK", value: ({ task }) => task },
    ],
    schedules,
  );
}
