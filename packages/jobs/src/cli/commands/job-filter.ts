import { Option } from "@commander-js/extra-typings";
import type { JobFilter } from "../../job/job-filter.ts";
import type { createCommand } from "../command.ts";
import { parsePastTime } from "../input/time.ts";

/** A command with the options that choose jobs. */
export function withJobFilter(command: ReturnType<typeof createCommand>) {
  return command
    .option("--task <task>", "only of this task")
    .addOption(
      new Option("--state <state>", "only in this state").choices(["due", "scheduled", "locked", "failed"] as const),
    )
    .option("--failed", "only those of which an attempt has failed")
    .option("--queue <name>", "only of this named queue")
    .option("--key <key>", "only with this key, as it is listed")
    .option("--error <text>", "only those whose last error has this text in it")
    .option("--older-than <time>", "only those enqueued before: 10min, or 2026-11-21T13:00", (text) =>
      parsePastTime(text),
    );
}

/** The filter of the options of {@link withJobFilter}. */
export function jobFilterOf({
  failed,
  olderThan,
  ...rest
}: Pick<JobFilter, "task" | "state" | "queue" | "key" | "error"> & {
  readonly failed?: true | undefined;
  readonly olderThan?: Date | undefined;
}): JobFilter {
  return {
    ...rest,
    ...(failed && { hasFailed: true }),
    ...(olderThan !== undefined && { enqueuedBefore: olderThan }),
  };
}
