import { expect } from "vitest";
import { dueAfter, isCounted } from "./beginning.ts";
import { runsOf, wasAbsentSince, type Model, type ModelJob, type ModelRun } from "./model.ts";
import type { Rows } from "./rows.ts";
import { attemptsAllowed } from "./settings.ts";

/** What must be so at any moment, whatever is under way. */
export function expectPromises(model: Model, rows: Rows): void {
  const complaints = [...model.violations];
  for (const job of model.jobs) {
    // The jobs of a replaced database are gone with it.
    if (job.epoch === model.epoch) complaints.push(...ofJob(model, job, rows).map((what) => `job ${job.n}: ${what}`));
  }
  for (const { n, epoch, runCount } of model.plainJobs) {
    const isThere = rows.jobs.some((row) => row.n === n);
    if (epoch === model.epoch && !isThere && runCount === 0) complaints.push(`plain job ${n}: lost`);
    if (runCount > 1) complaints.push(`plain job ${n}: run ${runCount} times`);
  }
  expect(complaints).toEqual([]);
}

function ofJob(model: Model, job: ModelJob, { jobs, letters }: Rows): string[] {
  const row = jobs.find(({ n }) => n === job.n);
  const isLetter = letters.includes(job.n);
  const runs = runsOf(model, job);
  const last = runs.findLast(({ isForeign }) => !isForeign);
  const isTouched = runs.some((run) => run.isForeign || wasAbsentSince(run.worker, run.beganAt));

  if (row !== undefined && isLetter) return ["is a dead letter and a job"];
  if (isLetter) return isDeadRightly(runs, isTouched) ? [] : [`is a dead letter without a reason: ${describe(runs)}`];
  if (row === undefined)
    return isGoneRightly(job, runs) ? [] : [`is gone, and its last run did not do it: ${describe(runs)}`];

  const due = last && dueAfter(last);
  const isWritten = !row.isLocked && row.isSettled === true && last?.end !== undefined && !isTouched && !model.isRushed;
  return isWritten && due !== undefined && row.runAt < due - 2 ? ["will run again too early"] : [];
}

/** Each time that its worker was considered dead counts, but for the first. */
function isDeadRightly(runs: readonly ModelRun[], isTouched: boolean): boolean {
  if (runs.some(({ end }) => end === "not retryable")) return true;
  return runs.filter((run) => isCounted(run) || isTouched).length >= attemptsAllowed;
}

/** The run that had it last must have done it: one from which others have taken it may end before that or after. */
function isGoneRightly(job: ModelJob, runs: readonly ModelRun[]): boolean {
  const last = runs.findLast(({ isForeign, end }) => !isForeign || end === "success");
  return job.replaced !== undefined || last?.end === "success";
}

function describe(runs: readonly ModelRun[]): string {
  const one = ({ worker, attempt, end, isForeign }: ModelRun) =>
    `worker ${worker.index}, attempt ${attempt}: ${end ?? "running"}${isForeign ? " (not its own)" : ""}`;
  return runs.length === 0 ? "none" : runs.map(one).join("; ");
}
