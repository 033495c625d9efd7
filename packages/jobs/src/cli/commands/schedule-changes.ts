import type { Admin } from "../../admin/admin.ts";
import { isConfirmed } from "../ask.ts";
import { withChangeFlags, type ChangeFlags } from "../changes.ts";
import { createCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { countText } from "../output/count-text.ts";
import { changeOneByOne, reportChange } from "../report-change.ts";
import type { ExitCode } from "../run-action.ts";
import type { Run } from "../program.ts";

type Parent = ReturnType<typeof createCommand>;

interface ScheduleChange {
  readonly name: string;
  readonly description: string;
  readonly done: string;
  readonly consequence: string;
  readonly run: (admin: Admin, schedule: string) => Promise<void>;
}

const changes: readonly ScheduleChange[] = [
  {
    name: "pause",
    description: "Let no tick come any more, on any worker, until it is resumed.",
    done: "paused",
    consequence: "Ticks are left out until it is resumed.",
    run: (admin, schedule) => admin.pauseSchedule(schedule),
  },
  {
    name: "resume",
    description: "End a pause. What was left out is not made up for.",
    done: "resumed",
    consequence: "The next tick is the first one after now.",
    run: (admin, schedule) => admin.resumeSchedule(schedule),
  },
  {
    name: "run-now",
    description: "Ask the workers for a job now, besides the ticks.",
    done: "asked for a job",
    consequence: "A worker that has the schedule enqueues a job.",
    run: (admin, schedule) => admin.runSchedule(schedule),
  },
  {
    name: "remove",
    description: "Forget a schedule that has left the code.",
    done: "removed",
    consequence: "It comes back if a worker declares it again.",
    run: (admin, schedule) => admin.removeSchedule(schedule),
  },
];

/** `schedules pause`, `resume`, `run-now` and `remove`. */
export function addScheduleChanges(schedules: Parent, run: Run): void {
  for (const change of changes) {
    const command = withChangeFlags(
      createCommand(change.name, {
        description: change.description,
        examples: [`schedules ${change.name} nightly-report --yes`],
      }),
    ).argument("<names...>", "the names of schedules");
    command.action(async (names, flags) => {
      await run((context) => changeSchedules(context, { names, flags }, change));
    });
    schedules.addCommand(command);
  }
}

async function changeSchedules(
  context: CliContext,
  { names, flags }: { readonly names: readonly string[]; readonly flags: ChangeFlags },
  { done, consequence, run, name }: ScheduleChange,
): Promise<ExitCode> {
  const { admin } = await context.openJobs();
  const count = new Set(names).size;
  const what = countText(count, "schedule");
  if (flags.dryRun) {
    context.output.result({ dryRun: true, count }, () => `${what} would be ${done}. ${consequence}`);
    return 0;
  }
  if (!(await isConfirmed(context, flags, `${consequence} Go on with ${name} of ${what}?`))) return 1;
  const result = await changeOneByOne(context, names, (each) => run(admin, each));
  return reportChange(context, result, { done, what: "schedule", reason: flags.reason });
}
