import { untilAborted, withTimeout } from "@acme/shared/timeout";
import type { CliContext } from "./context.ts";
import { formatDuration } from "./output/time.ts";

/** What is read, unless it takes longer than `--timeout` or is interrupted. */
export async function withinTimeout<Result>(
  { options, signal }: CliContext,
  reading: Promise<Result>,
): Promise<Result> {
  return withTimeout(
    options.timeout,
    untilAborted(signal, reading),
    () =>
      new Error(`There was no answer within ${formatDuration(options.timeout)}. Try again with a longer --timeout.`),
  );
}
