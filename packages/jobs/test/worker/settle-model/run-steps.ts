import { expect } from "vitest";
import { forgetFailures } from "../../../src/graphile/failure-notes.ts";
import { settleFailures } from "../../../src/graphile/settle-failures.ts";
import { completeRow, failRow, lockRow } from "./graphile-private-rows.ts";
import { attemptsAllowed, livingRuns, livingWorkers, waitingJobs, type Model, type ModelRun } from "./model.ts";
import { createRealRun } from "./real-run.ts";
import { chosen, type Step } from "./step.ts";
import { noteFailureOf, noteUsedUp, settleJob, type Ending, type Failure } from "./what-follows.ts";
import type { World } from "./world.ts";

/** What a worker does with a job. Any of these steps may be the last before it dies. */
export function lock(jobNumber: number, workerNumber: number): Step {
  return {
    name: `lock(${jobNumber}, ${workerNumber})`,
    isPossible: (model) => waitingJobs(model).length > 0 && livingWorkers(model).length > 0,
    async act(model, { pool, runs }) {
      const job = chosen(waitingJobs(model), jobNumber);
      const poolId = chosen(livingWorkers(model), workerNumber).poolId ?? "";
      const row = await lockRow(pool, job.rowId, poolId);
      // Until its outcome is settled, Graphile Worker's own delay holds, and an early lock ends before the code.
      const isDue = model.now >= (job.due.before ?? Infinity) + job.due.delayMs + 1;
      if (job.pending === undefined && isDue) expect(row, "a job that is due").toBeDefined();
      if (row === undefined) return;

      if (job.pending === undefined) job.due.before ??= model.now;
      const isFirstLock = job.used + job.uncountedCrashes === 0 && job.pending === undefined;
      const run: ModelRun = { job, poolId, isFirstLock, stage: "locked" };
      Object.assign(job, { place: "locked", lockedBy: poolId, lockedAt: model.now });
      model.runs.push(run);
      runs.set(run, createRealRun(pool, job.id, row));
    },
  };
}

/** The next step of a run: it begins, ends as told, is released, is settled. */
export function goOn(number: number, ending: Ending): Step {
  return onRun(`goOn(${number}, ${ending})`, number, async (run, model, world) => {
    if (run.stage === "locked") return begin(run, world);
    if (run.stage === "noted" || run.stage === "too early") return release(run, world);
    if (run.stage === "released") return settle(run, model, world);
    return ending === "success" ? succeed(run, model, world) : fail(run, model, world, ending);
  });
}

/** Settling comes too soon, or again, or from two at once. */
export function settleTwice(number: number): Step {
  return onRun(`settleTwice(${number})`, number, async ({ job }, model, { pool }) => {
    await Promise.all([settleFailures(pool, [job.rowId]), settleFailures(pool, [job.rowId])]);
    settleRow(model, job.rowId);
  });
}

async function begin(run: ModelRun, { runs }: World): Promise<void> {
  const { job } = run;
  const begun = await runs.get(run)?.begin();
  if (job.pending !== undefined) {
    expect(begun, "a job whose last outcome is not done yet").toBe("too early");
    run.stage = "too early";
  } else if (job.used >= attemptsAllowed) {
    expect(begun, "a job without attempts").toBe("noted");
    noteUsedUp(run);
  } else {
    expect(begun).toEqual({ attempt: job.used + 1 });
    run.stage = "running";
  }
}

async function fail(run: ModelRun, model: Model, { runs }: World, failure: Failure): Promise<void> {
  await runs.get(run)?.fail(failure);
  noteFailureOf(model, run, failure);
  // Runs of this job that were considered dead come back, and their notes come too late.
  for (const lost of model.lostRuns) if (lost.job === run.job) await runs.get(lost)?.fail("not retryable");
}

/** The error reaches Graphile Worker. */
async function release(run: ModelRun, { pool }: World): Promise<void> {
  await failRow(pool, run.job.rowId, run.poolId);
  run.stage = "released";
  Object.assign(run.job, { place: "free", lockedBy: undefined });
}

async function settle(run: ModelRun, model: Model, { pool }: World): Promise<void> {
  await settleFailures(pool, [run.job.rowId]);
  settleRow(model, run.job.rowId);
  model.runs = model.runs.filter((other) => other !== run);
}

/** A job that was replaced through its key while it was free has left its row to another. */
function settleRow(model: Model, rowId: string): void {
  for (const job of model.jobs) if (job.rowId === rowId) settleJob(job);
}

async function succeed(run: ModelRun, model: Model, { pool, runs }: World): Promise<void> {
  await runs.get(run)?.succeed();
  await completeRow(pool, run.job.rowId);
  if (!run.isFirstLock) await forgetFailures(pool, [run.job.rowId]);
  Object.assign(run.job, { place: "gone", lockedBy: undefined });
  model.runs = model.runs.filter((other) => other !== run);
}

function onRun(name: string, number: number, act: (run: ModelRun, model: Model, world: World) => Promise<void>): Step {
  return {
    name,
    isPossible: (model) => livingRuns(model).length > 0,
    act: (model, world) => act(chosen(livingRuns(model), number), model, world),
  };
}
