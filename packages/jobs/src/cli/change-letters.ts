import type { ChangeOptions, ChangeResult } from "../change-in-batches.ts";
import type { DeadLetterFilter } from "../dead-letters/dead-letter.ts";
import type { Jobs } from "../jobs.ts";
import { isConfirmed } from "./ask.ts";
import type { ChangeFlags } from "./changes.ts";
import type { CliContext } from "./context.ts";
import { countText } from "./output/count-text.ts";
import { changeOneByOne, reportChange } from "./report-change.ts";
import type { ExitCode } from "./run-action.ts";
import { showProgress } from "./show-progress.ts";
import { UsageError } from "./usage-error.ts";
import { withinTimeout } from "./within-timeout.ts";

/** One of the changes. */
export interface LetterChange {
  readonly verb: "retry" | "discard" | "purge";
  readonly done: string;
  readonly consequence: string;
  /** Ids are named by a person who knows what they are about. */
  readonly asksForIds: boolean;
  one(jobs: Jobs, id: string): Promise<void>;
  all(jobs: Jobs, filter: DeadLetterFilter, options: ChangeOptions): Promise<ChangeResult>;
}

/** Back to the queue. */
export const retrying: LetterChange = {
  verb: "retry",
  done: "retried",
  consequence: "Retrying gives all attempts anew, and keeps the idempotency keys.",
  asksForIds: false,
  one: (jobs, id) => jobs.deadLetters.retry(id),
  all: (jobs, filter, options) => jobs.deadLetters.retryAll(filter, options),
};

/** Away for good. */
export const discarding: LetterChange = {
  verb: "discard",
  done: "discarded",
  consequence: "Discarding is for good, and takes the payloads, too.",
  asksForIds: true,
  one: (jobs, id) => jobs.deadLetters.discard(id),
  all: (jobs, filter, options) => jobs.deadLetters.discardAll(filter, options),
};

/** The same of those that died long ago. */
export const purging: LetterChange = {
  ...discarding,
  verb: "purge",
  done: "purged",
  consequence: "Purging is for good, and takes the payloads, too.",
};

/** Which dead letters, and how they are changed. */
export interface Chosen {
  readonly ids: readonly string[];
  readonly all: true | undefined;
  readonly filter: DeadLetterFilter;
  readonly flags: ChangeFlags;
}

/** Counts, asks, changes and reports. */
export async function changeLetters(context: CliContext, chosen: Chosen, change: LetterChange): Promise<ExitCode> {
  const { ids, filter, flags } = chosen;
  checkChoice(chosen);
  const jobs = await context.openJobs();
  const counted =
    ids.length > 0
      ? { count: flags.dryRun ? await countLetters(context, jobs, ids) : new Set(ids).size, isCapped: false }
      : await withinTimeout(context, jobs.deadLetters.count(filter));
  const what = countText(counted.count, "dead letter", counted.isCapped);
  if (flags.dryRun) {
    context.output.result({ dryRun: true, ...counted }, () => `${what} would be ${change.done}. ${change.consequence}`);
    return 0;
  }
  const isAsked = counted.count > 0 && (ids.length === 0 || change.asksForIds);
  if (isAsked && !(await isConfirmed(context, flags, `${change.consequence} ${capital(change.verb)} ${what}?`)))
    return 1;
  const result =
    ids.length > 0
      ? await changeOneByOne(context, ids, (id) => change.one(jobs, id))
      : await changeAll(context, filter, (...given) => change.all(jobs, ...given));
  return reportChange(context, result, { done: change.done, what: "dead letter", reason: flags.reason });
}

/** How many of the ids are those of dead letters. */
async function countLetters(context: CliContext, jobs: Jobs, ids: readonly string[]): Promise<number> {
  let count = 0;
  for (const id of new Set(ids)) if (await withinTimeout(context, jobs.deadLetters.get(id))) count += 1;
  return count;
}

function checkChoice({ ids, all, filter }: Chosen): void {
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  if (ids.length > 0 && (all || isFiltered)) throw new UsageError("Give ids or a filter, not both.");
  if (ids.length === 0 && !all && !isFiltered) {
    throw new UsageError("Which ones? Give ids, a filter such as --task, or --all.");
  }
}

async function changeAll(
  context: CliContext,
  filter: DeadLetterFilter,
  change: (filter: DeadLetterFilter, options: ChangeOptions) => Promise<ChangeResult>,
): Promise<ChangeResult> {
  const { end, ...progress } = await showProgress(context);
  try {
    // Those that die from now on are not what was counted.
    const until = filter.until ?? new Date();
    return await change({ ...filter, until }, { ...progress, signal: context.signal });
  } finally {
    end();
  }
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
