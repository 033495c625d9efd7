import { expect } from "vitest";
import { forgetGoneFailures } from "../../../src/graphile/failure-notes.ts";
import { livingWorkers, waitingJobs, type Model } from "./model.ts";
import { lock } from "./run-steps.ts";
import { compared, type Step } from "./step.ts";
import { die, recover, startWorker, sweep, wait } from "./worker-steps.ts";
import type { World } from "./world.ts";

const longestMs = 5 * 3_600_000;

/** All workers die, one comes, recovers and sweeps once: then nothing is left behind, and every job can run again. */
export async function comeToRest(model: Model, world: World): Promise<void> {
  const then = (step: Step) => compared(step, model, world);

  while (livingWorkers(model).length > 0) await then(die(0, false));
  await then(startWorker(0));
  await then(recover(0));
  await then(sweep(0));

  const { jobs, notes, poolIds } = await world.read();
  const rowIds = waitingJobs(model).map(({ rowId }) => rowId);
  expect(jobs.filter(({ lockedBy }) => lockedBy !== null)).toEqual([]);
  expect(jobs.map(({ rowId }) => rowId).toSorted()).toEqual(rowIds.toSorted());
  // The note of a job that was replaced through its key stays with the row, and means nothing to the new job.
  expect(notes.filter(({ id, isSettled }) => !isSettled && jobs.some((job) => job.id === id))).toEqual([]);
  expect(poolIds).toEqual(livingWorkers(model).map(({ poolId }) => poolId));

  await then(wait(longestMs));
  while (waitingJobs(model).length > 0) await then(lock(0, 0));
  await forgetGoneFailures(world.pool);
  expect((await world.read()).notes.filter(({ rowId }) => !rowIds.includes(rowId))).toEqual([]);
}
