import type { PauseInfo } from "../../admin/pauses.ts";
import type { Pausable } from "../../job/pausable.ts";
import { isConfirmed } from "../ask.ts";
import { withChangeFlags, type ChangeFlags } from "../changes.ts";
import { createCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { printable } from "../output/printable.ts";
import type { Program, Run } from "../program.ts";
import type { ExitCode } from "../run-action.ts";
import { UsageError } from "../usage-error.ts";
import { withinTimeout } from "../within-timeout.ts";

/** `pause`, `resume` and `pauses`. */
export function addPauseCommands(program: Program, run: Run): void {
  addChange(program, run, {
    name: "pause",
    description: "Let no worker begin jobs of a task, of a named queue, or any, until it is resumed.",
    question: "Its jobs wait until it is resumed.",
    apply: printPause,
  });
  addChange(program, run, {
    name: "resume",
    description: "End a pause. Its jobs begin at once.",
    question: "Its jobs begin at once.",
    apply: printResume,
  });
  addList(program, run);
}

interface PauseChange {
  readonly name: "pause" | "resume";
  readonly description: string;
  readonly question: string;
  readonly apply: (context: CliContext, what: Pausable, reason: string | undefined) => Promise<ExitCode>;
}

interface Flags extends ChangeFlags {
  readonly task?: string | undefined;
  readonly queue?: string | undefined;
  readonly everything?: true | undefined;
}

function addChange(program: Program, run: Run, { name, description, question, apply }: PauseChange): void {
  const command = withChangeFlags(
    createCommand(name, { description, examples: [`${name} --task send_receipt --yes`, `${name} --everything --yes`] })
      .option("--task <task>", "all jobs of this task")
      .option("--queue <queue>", "all jobs of this named queue")
      .option("--everything", "all jobs"),
  );
  command.action((flags) =>
    run(async (context) => {
      const what = whatOf(flags);
      if (flags.dryRun) {
        context.output.result({ dryRun: true, what }, () => `Would ${name} ${describe(what)}. ${question}`);
        return 0;
      }
      if (!(await isConfirmed(context, flags, `${question} Go on with ${name} of ${describe(what)}?`))) return 1;
      return apply(context, what, flags.reason);
    }),
  );
  program.addCommand(command);
}

async function printPause(context: CliContext, what: Pausable, reason: string | undefined): Promise<ExitCode> {
  const { admin } = await context.openJobs();
  await withinTimeout(context, admin.pause(what));
  const isThis = (pause: PauseInfo) => describe(pause.what) === describe(what);
  const isKnown = (await withinTimeout(context, admin.pauses())).find(isThis)?.isKnown ?? true;
  report(context, { what, isKnown }, { done: `Paused ${describe(what)}.`, reason });
  if (!isKnown) context.output.remark(`No worker has had ${describe(what)} yet: the name may be wrong.`);
  return 0;
}

async function printResume(context: CliContext, what: Pausable, reason: string | undefined): Promise<ExitCode> {
  const { admin } = await context.openJobs();
  const isChanged = await withinTimeout(context, admin.resume(what));
  const done = isChanged ? `Resumed ${describe(what)}.` : `Nobody has paused ${describe(what)}.`;
  report(context, { what, isChanged }, { done, reason });
  return isChanged ? 0 : 1;
}

function report(
  { output }: CliContext,
  result: object,
  { done, reason }: { readonly done: string; readonly reason: string | undefined },
): void {
  output.result({ ...result, ...(reason !== undefined && { reason }) }, () => done);
  if (reason !== undefined) output.remark(`Reason: ${printable(reason)}`);
}

function whatOf({ task, queue, everything }: Flags): Pausable {
  const [what, ...more] = [
    ...(task === undefined ? [] : [{ task }]),
    ...(queue === undefined ? [] : [{ queue }]),
    ...(everything ? (["everything"] as const) : []),
  ];
  if (what === undefined || more.length > 0) throw new UsageError("Say one of --task, --queue and --everything.");
  return what;
}

function describe(what: Pausable): string {
  if (what === "everything") return what;
  return "task" in what ? `task ${printable(what.task)}` : `queue ${printable(what.queue)}`;
}

function addList(program: Program, run: Run): void {
  const list = createCommand("pauses", { description: "List what is paused.", examples: ["pauses"] });
  list.action(() =>
    run(async (context) => {
      const { output } = context;
      const { admin } = await context.openJobs();
      const pauses = await withinTimeout(context, admin.pauses());
      const row = ({ what, pausedAt, isKnown }: PauseInfo) =>
        `${describe(what)}, ${output.time(pausedAt)}${isKnown ? "" : ", unknown"}`;
      output.result({ pauses }, () => (pauses.length === 0 ? "Nothing is paused." : pauses.map(row).join("\n")));
    }),
  );
  program.addCommand(list);
}
