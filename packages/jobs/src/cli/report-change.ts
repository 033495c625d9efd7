import type { ChangeResult } from "../change-in-batches.ts";
import { JobsError } from "../errors.ts";
import type { CliContext } from "./context.ts";
import { countText } from "./output/count-text.ts";
import { printable } from "./output/printable.ts";
import type { ExitCode } from "./run-action.ts";

/** What became of a change, and why something was skipped. */
export interface ReportedChange extends ChangeResult {
  /** Of those that were named one by one. */
  readonly skipped?: readonly { readonly id: string; readonly code: string; readonly message: string }[];
}

/** Changes those that can be changed. Of the others it says why not. */
export async function changeOneByOne(
  { signal }: CliContext,
  ids: readonly string[],
  change: (id: string) => Promise<void>,
): Promise<ReportedChange> {
  const skipped = [];
  for (const id of new Set(ids)) {
    signal.throwIfAborted();
    try {
      await change(id);
    } catch (error) {
      if (!(error instanceof JobsError) || !aboutOne.has(error.code)) throw error;
      skipped.push({ id, code: error.code, message: error.message });
    }
  }
  return { changedCount: new Set(ids).size - skipped.length, skippedCount: skipped.length, skipped };
}

/** Errors after which the next one may still be changed. */
const aboutOne: ReadonlySet<string> = new Set<JobsError["code"]>([
  "DEAD_LETTER_MISSING",
  "DEAD_LETTER_SUPERSEDED",
  "JOB_MISSING",
  "JOB_LOCKED",
  "PAYLOAD_INVALID",
  "SCHEDULE_INVALID",
  "SCHEDULE_MISSING",
  "SCHEDULE_DECLARED",
]);

/** Prints the result, and a line for the record. @returns 1 if something that was named was not changed. */
export function reportChange(
  { output }: CliContext,
  result: ReportedChange,
  { done, what, reason }: { readonly done: string; readonly what: string; readonly reason: string | undefined },
): ExitCode {
  const { changedCount, skippedCount, skipped = [] } = result;
  output.result({ ...result, ...(reason !== undefined && { reason }) }, () => {
    const rest = skippedCount === 0 ? "" : `, ${skippedCount.toLocaleString("en")} skipped`;
    const lines = skipped.map(({ id, message }) => `  ${printable(id)}: ${printable(message)}`);
    return [`${countText(changedCount, what)} ${done}${rest}.`, ...lines].join("\n");
  });
  if (reason !== undefined) output.remark(`Reason: ${printable(reason)}`);
  return skipped.length > 0 ? 1 : 0;
}
