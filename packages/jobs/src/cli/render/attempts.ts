import type { AttemptError } from "../../job/job-summary.ts";
import type { Output } from "../output/output.ts";
import { printable } from "../output/printable.ts";
import { formatDuration } from "../output/time.ts";

/** One line for each failed attempt, the oldest first, with its stack if that is wanted. */
export function renderAttempts(
  output: Output,
  errors: readonly AttemptError[],
  { withStacks }: { readonly withStacks: boolean },
): string[] {
  return errors.flatMap(({ attempt, at, name, message, durationMs, stack, isBeforeRetry }) => {
    const took = durationMs === undefined ? "" : ` after ${formatDuration(durationMs)}`;
    const before = isBeforeRetry ? " (before the retry)" : "";
    const line = `  ${output.time(new Date(at))}  attempt ${attempt}${before} failed${took}: ${printable(name)}: ${printable(message)}`;
    if (!withStacks || stack === undefined) return [line];
    return [line, ...stack.split("\n").map((text) => `      ${printable(text)}`)];
  });
}
