import { CommanderError } from "@commander-js/extra-typings";
import { version } from "../version.ts";
import { addDeadCommands } from "./commands/dead.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addEnqueueCommand } from "./commands/enqueue.ts";
import { addJobsCommands } from "./commands/jobs.ts";
import { addMigrateCommand } from "./commands/migrate.ts";
import { addOutboxCommand } from "./commands/outbox.ts";
import { addPauseCommands } from "./commands/pauses.ts";
import { addQueuesCommand } from "./commands/queues.ts";
import { addSchedulesCommands } from "./commands/schedules.ts";
import { addStatsCommand } from "./commands/stats.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addTasksCommand } from "./commands/tasks.ts";
import { addWorkerCommand } from "./commands/worker.ts";
import { addWorkersCommand } from "./commands/workers.ts";
import { createProgram } from "./global-options.ts";
import type { Program, Run } from "./program.ts";
import { printError, runAction, type ExitCode } from "./run-action.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Runs a command line.
 *
 * @param words - Without the program's name.
 */
export async function runCli(words: readonly string[]): Promise<ExitCode> {
  const program = createProgram(version);
  let exitCode: ExitCode = 0;
  const run: Run = async (action) => {
    exitCode = await runAction(program.opts(), action);
  };
  for (const addCommand of commands) addCommand(program, run);
  prepareAll(program);
  try {
    await program.parseAsync(withCommand(words), { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (!(error instanceof CommanderError || error instanceof UsageError)) throw error;
    printError(new UsageError(messageOf(error)), words.includes("--json"));
    return 2;
  }
}

const commands: readonly ((program: Program, run: Run) => void)[] = [
  addStatusCommand,
  addStatsCommand,
  addDoctorCommand,
  addJobsCommands,
  addDeadCommands,
  addWorkersCommand,
  addQueuesCommand,
  addPauseCommands,
  addSchedulesCommands,
  addOutboxCommand,
  addTasksCommand,
  addEnqueueCommand,
  addMigrateCommand,
  addWorkerCommand,
];

/** The bare command shows the status. As the default command of `commander`, `status` would be blamed for unknown ones. */
function withCommand(words: readonly string[]): string[] {
  const { operands } = createProgram(version)
    .exitOverride()
    .configureOutput(silent)
    .parseOptions([...words]);
  const asksForHelp = words.some((word) => /^(?:-h|--help|-V|--version)$/.test(word));
  return operands.length === 0 && !asksForHelp ? ["status", ...words] : [...words];
}

/** What {@link prepareAll} needs of a command, whatever its options are. */
interface AnyCommand {
  readonly commands: readonly AnyCommand[];
  exitOverride(): unknown;
  configureOutput(output: { readonly writeErr: (text: string) => void }): unknown;
}

const silent = { writeErr: () => undefined };

/** Errors are thrown rather than printed over several lines. */
function prepareAll(command: AnyCommand): void {
  command.exitOverride();
  command.configureOutput(silent);
  for (const child of command.commands) prepareAll(child);
}

function messageOf(error: CommanderError | UsageError): string {
  // The help itself would be too long for an error.
  const isHelp = error instanceof CommanderError && error.code === "commander.help";
  return isHelp ? "A command is missing or unknown. Add --help to see which there are." : oneLine(error.message);
}

/** `error: unknown command 'lst'` with `(Did you mean list?)` in the next line, as one line. */
function oneLine(message: string): string {
  const [what = "", ...hints] = message.replace(/^error: /, "").split("\n");
  const hint = hints.find((line) => line.startsWith("(Did you mean "));
  return hint === undefined ? [what, ...hints].join(" ") : `${what}. ${hint.slice(1, -1)}`;
}
