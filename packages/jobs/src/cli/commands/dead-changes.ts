import type { ChangeResult } from "../../change-in-batches.ts";
import type { DeadLetterFilter } from "../../dead-letters/dead-letter.ts";
import type { Jobs } from "../../jobs.ts";
import { isConfirmed } from "../ask.ts";
import { withChangeFlags, type ChangeFlags } from "../changes.ts";
import { createCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { findTask } from "../find-task.ts";
import { parseDuration } from "../input/duration.ts";
import { readJson } from "../input/json.ts";
import { countText } from "../output/count-text.ts";
import { changeOneByOne, reportChange } from "../report-change.ts";
import type { ExitCode } from "../run-action.ts";
import type { Run } from "../run-cli.ts";
import { showProgress } from "../show-progress.ts";
import { UsageError } from "../usage-error.ts";
import { withinTimeout } from "../within-timeout.ts";
import { withDeadFilter } from "./dead.ts";

type Parent = ReturnType<typeof createCommand>;

/** `dead retry`, `dead discard` and `dead purge`. */
export function addDeadChanges(dead: Parent, run: Run): void {
  addRetry(dead, run);
  addDiscard(dead, run);
  addPurge(dead, run);
}

function addRetry(dead: Parent, run: Run): void {
  const retry = withChangeFlags(
    withDeadFilter(
      createCommand("retry", {
        description: "Make dead letters jobs again, with all attempts and the same idempotency keys.",
        examples: [
          "dead retry 0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e",
          'dead retry --task sendReceipt --error "timed out" --yes',
        ],
      }),
    )
      .argument("[ids...]", "the ids that enqueue returned")
      .option("--all", "all that there are")
      .option("--payload <json>", "a mended payload for one id: JSON, @file or - for standard input"),
  );
  retry.action(async (ids, { payload, all, dryRun, yes, reason, ...filter }) => {
    const flags = { dryRun, yes, reason };
    await run(async (context) => {
      if (payload !== undefined) return retryMended(context, ids, payload, flags);
      return changeLetters(context, { ids, all, filter, flags }, retrying);
    });
  });
  dead.addCommand(retry);
}

function addDiscard(dead: Parent, run: Run): void {
  const discard = withChangeFlags(
    withDeadFilter(
      createCommand("discard", {
        description: "Remove dead letters for good.",
        examples: [
          "dead discard 0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e --yes",
          "dead discard --task sendReceipt --dry-run",
        ],
      }),
    )
      .argument("[ids...]", "the ids that enqueue returned")
      .option("--all", "all that there are"),
  );
  discard.action(async (ids, { all, dryRun, yes, reason, ...filter }) => {
    await run((context) => changeLetters(context, { ids, all, filter, flags: { dryRun, yes, reason } }, discarding));
  });
  dead.addCommand(discard);
}

function addPurge(dead: Parent, run: Run): void {
  const purge = withChangeFlags(
    createCommand("purge", {
      description: "Remove dead letters that died long ago.",
      examples: ["dead purge --older-than 90d --yes"],
    }).requiredOption("--older-than <duration>", "the age from which on they are removed", parseDuration),
  );
  purge.action(async ({ olderThan, ...flags }) => {
    await run((context) =>
      changeLetters(
        context,
        { ids: [], all: undefined, filter: { until: new Date(Date.now() - olderThan) }, flags },
        discarding,
      ),
    );
  });
  dead.addCommand(purge);
}

/** One of the two changes. */
interface LetterChange {
  readonly verb: "retry" | "discard";
  readonly done: string;
  readonly consequence: string;
  /** Ids are named by a person who knows what they are about. */
  readonly asksForIds: boolean;
  one(jobs: Jobs, id: string): Promise<void>;
  all(
    jobs: Jobs,
    filter: DeadLetterFilter,
    options: Parameters<Jobs["deadLetters"]["retryAll"]>[1],
  ): Promise<ChangeResult>;
}

const retrying: LetterChange = {
  verb: "retry",
  done: "retried",
  consequence: "Retrying gives all attempts anew, and keeps the idempotency keys.",
  asksForIds: false,
  one: (jobs, id) => jobs.deadLetters.retry(id),
  all: (jobs, filter, options) => jobs.deadLetters.retryAll(filter, options),
};

const discarding: LetterChange = {
  verb: "discard",
  done: "discarded",
  consequence: "Discarding is for good, and takes the payloads, too.",
  asksForIds: true,
  one: (jobs, id) => jobs.deadLetters.discard(id),
  all: (jobs, filter, options) => jobs.deadLetters.discardAll(filter, options),
};

interface Chosen {
  readonly ids: readonly string[];
  readonly all: true | undefined;
  readonly filter: DeadLetterFilter;
  readonly flags: ChangeFlags;
}

async function changeLetters(context: CliContext, chosen: Chosen, change: LetterChange): Promise<ExitCode> {
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
      : await changeAll(context, jobs, filter, change);
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
  jobs: Jobs,
  filter: DeadLetterFilter,
  change: LetterChange,
): Promise<ChangeResult> {
  const { end, ...progress } = await showProgress(context);
  try {
    // Those that die from now on are not what was counted.
    const until = filter.until ?? new Date();
    return await change.all(jobs, { ...filter, until }, { ...progress, signal: context.signal });
  } finally {
    end();
  }
}

async function retryMended(
  context: CliContext,
  ids: readonly string[],
  given: string,
  { reason, dryRun }: ChangeFlags,
): Promise<ExitCode> {
  const [id, ...others] = ids;
  if (id === undefined || others.length > 0) throw new UsageError("--payload is for one id.");
  const payload = await readJson(given);
  const jobs = await context.openJobs();
  const letter = await withinTimeout(context, jobs.deadLetters.get(id));
  const task = letter && (await findTask(context, letter.task));
  if (letter && task === undefined) {
    throw new UsageError(
      `The configuration has no task "${letter.task}", so the payload cannot be checked. Name it in "tasks" of acme-jobs.config.ts.`,
    );
  }
  if (dryRun) {
    context.output.result(
      { dryRun: true, count: letter ? 1 : 0 },
      () => `${countText(letter ? 1 : 0, "dead letter")} would be retried.`,
    );
    return 0;
  }
  const result = await changeOneByOne(context, ids, () =>
    // One that is gone is refused by the same error.
    task === undefined ? jobs.deadLetters.retry(id) : jobs.deadLetters.retry(id, { task, payload }),
  );
  return reportChange(context, result, { done: "retried", what: "dead letter", reason });
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
