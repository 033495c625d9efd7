import type { ChangeFlags } from "./changes.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Asks whether to go on with a change.
 *
 * @returns false if the person said no.
 * @throws {@link UsageError} without a terminal, unless `--yes` was given.
 */
export async function isConfirmed({ options }: CliContext, { yes }: ChangeFlags, question: string): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY || options.json) {
    throw new UsageError(
      `There is nobody to ask: ${question} Say --yes to go on, or --dry-run to see what it is about.`,
    );
  }
  const { confirm } = await import("@clack/prompts");
  return (await confirm({ message: question, initialValue: false, output: process.stderr })) === true;
}
