import { Option, type Command } from "@commander-js/extra-typings";

/** Options of every command that changes something. */
export interface ChangeFlags {
  readonly dryRun?: true | undefined;
  readonly yes?: true | undefined;
  readonly reason?: string | undefined;
}

/** Adds the {@link ChangeFlags}. */
export function withChangeFlags<Args extends unknown[], Opts extends Record<string, unknown>>(
  command: Command<Args, Opts>,
) {
  return command
    .option("--dry-run", "print what would be changed, and change nothing")
    .option("--yes", "do not ask")
    .addOption(new Option("--reason <text>", "why, for the line about it on standard error"));
}
