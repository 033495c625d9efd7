import type { JobSelection } from "../../admin/job-changes.ts";
import type { ChangeOptions, ChangeResult } from "../../change-in-batches.ts";
import { JobsError } from "../../errors.ts";
import type { JobFilter } from "../../job/job-filter.ts";
import type { Admin } from "../../admin/admin.ts";
import { isConfirmed } from "../ask.ts";
import { withChangeFlags, type ChangeFlags } from "../changes.ts";
import { createCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { countJobs } from "../count-jobs.ts";
import { parseFutureTime } from "../input/time.ts";
import { countText } from "../output/count-text.ts";
import { changeOneByOne, reportChange } from "../report-change.ts";
import type { ExitCode } from "../run-action.ts";
import type { Run } from "../program.ts";
import { showProgress } from "../show-progress.ts";
import { UsageError } from "../usage-error.ts";
import { whyUnchanged } from "../why-unchanged.ts";
import { withinTimeout } from "../within-timeout.ts";
import { jobFilterOf, withJobFilter } from "./job-filter.ts";

type Parent = ReturnType<typeof createCommand>;

/** `jobs run-now`, `jobs put-off` and `jobs discard`. */
export function addJobChanges(jobs: Parent, run: Run): void {
  const runNow = withSelection("run-now", {
    description: "Make jobs due now that wait for their time or for their next attempt.",
    examples: ["jobs run-now 0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e", "jobs run-now --task sendReceipt --failed --yes"],
  });
  runNow.action(async (ids, { all, dryRun, yes, reason, ...chosen }) => {
    const selected = { ids, all, filter: jobFilterOf(chosen), flags: { dryRun, yes, reason } };
    await run((context) => changeJobs(context, selected, makingDue));
  });
  jobs.addCommand(runNow);

  const putOff = withSelection("put-off", {
    description: "Let jobs wait until another time.",
    examples: ["jobs put-off --task sendReceipt --until 2h --yes"],
  }).requiredOption("--until <time>", "a duration from now on, or a time", (text) => parseFutureTime(text));
  putOff.action(async (ids, { all, dryRun, yes, reason, until, ...chosen }) => {
    const selected = { ids, all, filter: jobFilterOf(chosen), flags: { dryRun, yes, reason } };
    await run((context) => changeJobs(context, selected, puttingOff(until)));
  });
  jobs.addCommand(putOff);

  const discard = withSelection("discard", {
    description: "Remove jobs for good. What a worker has already begun runs to its end.",
    examples: ["jobs discard --task sendReceipt --dry-run", "jobs discard 0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e --yes"],
  });
  discard.action(async (ids, { all, dryRun, yes, reason, ...chosen }) => {
    const selected = { ids, all, filter: jobFilterOf(chosen), flags: { dryRun, yes, reason } };
    await run((context) => changeJobs(context, selected, discarding));
  });
  jobs.addCommand(discard);
}

function withSelection(name: string, help: Parameters<typeof createCommand>[1]) {
  return withChangeFlags(
    withJobFilter(createCommand(name, help))
      .argument("[ids...]", "the ids that enqueue returned, or jobIds of the logs")
      .option("--all", "all that there are"),
  );
}

interface JobChange {
  readonly verb: string;
  readonly done: string;
  readonly consequence: string;
  readonly asksForIds: boolean;
  /** Why a job that is there was not changed. */
  readonly unchanged: string;
  run(admin: Admin, which: JobSelection, options: ChangeOptions): Promise<ChangeResult>;
}

const makingDue: JobChange = {
  verb: "Run",
  done: "made due",
  consequence: "What is due runs as soon as a worker has time.",
  asksForIds: false,
  unchanged: "It is due already.",
  run: (admin, which, options) => admin.runNow(which, options),
};

function puttingOff(until: Date): JobChange {
  return {
    verb: "Put off",
    done: "put off",
    consequence: `Nothing of it runs before ${until.toISOString()}.`,
    asksForIds: false,
    unchanged: "It has changed meanwhile. Try again.",
    run: (admin, which, options) => admin.putOff(which, { ...options, until }),
  };
}

const discarding: JobChange = {
  verb: "Discard",
  done: "discarded",
  consequence: "Discarding is for good, and takes the payloads, too.",
  asksForIds: true,
  unchanged: "It has changed meanwhile. Try again.",
  run: (admin, which, options) => admin.discard(which, options),
};

interface Selected {
  readonly ids: readonly string[];
  readonly all: true | undefined;
  readonly filter: JobFilter;
  readonly flags: ChangeFlags;
}

async function changeJobs(context: CliContext, selected: Selected, change: JobChange): Promise<ExitCode> {
  const { ids, flags } = selected;
  const which = selectionOf(selected);
  const { admin } = await context.openJobs();
  const counted =
    ids.length > 0
      ? { count: flags.dryRun ? await countChangeable(context, admin, ids) : new Set(ids).size, isCapped: false }
      : await withinTimeout(context, countJobs(admin, selected.filter));
  const what = countText(counted.count, "job", counted.isCapped);
  if (flags.dryRun) {
    context.output.result({ dryRun: true, ...counted }, () => `${what} would be ${change.done}. ${change.consequence}`);
    return 0;
  }
  const isAsked = counted.count > 0 && (ids.length === 0 || change.asksForIds);
  if (isAsked && !(await isConfirmed(context, flags, `${change.consequence} ${change.verb} ${what}?`))) return 1;
  const { end, ...progress } = await showProgress(context);
  try {
    const result =
      ids.length > 0
        ? await changeOneByOne(context, ids, (id) => changeOne(admin, id, change))
        : await change.run(admin, which, { ...progress, signal: context.signal });
    return reportChange(context, result, { done: change.done, what: "job", reason: flags.reason });
  } finally {
    end();
  }
}

async function changeOne(admin: Admin, id: string, change: JobChange): Promise<void> {
  const { changedCount } = await change.run(admin, { ids: [id] }, {});
  if (changedCount > 0) return;
  throw (await whyUnchanged(admin, id)) ?? new JobsError("JOB_MISSING", change.unchanged);
}

/** How many of the ids are those of jobs that can be changed. */
async function countChangeable(context: CliContext, admin: Admin, ids: readonly string[]): Promise<number> {
  let count = 0;
  for (const id of new Set(ids)) if (!(await withinTimeout(context, whyUnchanged(admin, id)))) count += 1;
  return count;
}

function selectionOf({ ids, all, filter }: Selected): JobSelection {
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  if (ids.length > 0 && (all || isFiltered)) throw new UsageError("Give ids or a filter, not both.");
  if (ids.length > 0) return { ids: [...new Set(ids)] };
  if (all || isFiltered) return filter;
  throw new UsageError("Which ones? Give ids, a filter such as --task, or --all.");
}
