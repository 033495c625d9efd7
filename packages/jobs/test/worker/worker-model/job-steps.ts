import { expect } from "vitest";
import type { End } from "./ends.ts";
import { openRuns, type Model, type ModelJob } from "./model.ts";
import { modelled } from "./modelled-task.ts";
import { chosen, type Step } from "./step.ts";
import type { World } from "./world.ts";

const mostJobs = 9;
const laterMs = 700;

export interface EnqueueKind {
  readonly queue?: string;
  readonly key?: string;
  readonly priority?: number;
  readonly isLater?: true;
}

const hasRoom = ({ jobs, isTableLocked, epoch }: Model) =>
  !isTableLocked && jobs.filter((job) => job.epoch === epoch).length < mostJobs;

export function enqueue({ isLater, ...options }: EnqueueKind): Step {
  return {
    name: `enqueue(${JSON.stringify({ ...options, isLater })})`,
    isPossible: hasRoom,
    async act(model, world) {
      const runAt = isLater ? Date.now() + laterMs : 0;
      const job = addToModel(model, { runAt, queue: options.queue, key: options.key });
      await world.jobs.enqueue(modelled, { n: job.n }, { ...options, ...(isLater && { runAt: new Date(runAt) }) });
      if (options.key !== undefined) await markReplaced(model, world, job);
    },
  };
}

/** Added by plain SQL, for any worker that knows the task. */
export function addBySql(task: "theirs" | "modelled"): Step {
  return {
    name: `addBySql(${task})`,
    isPossible: hasRoom,
    async act(model, world) {
      const n = task === "theirs" ? nextNumber(model) : addToModel(model, {}).n;
      if (task === "theirs") model.plainJobs.push({ n, epoch: model.epoch, runCount: 0 });
      await world.query("select graphile_worker.add_job($1, json_build_object('n', $2::int))", [task, n]);
    },
  };
}

/** A run of now, or one whose job has been taken from it. */
export function endRun(number: number, end: End): Step {
  return {
    name: `endRun(${number}, ${end})`,
    isPossible: (model) => openRuns(model).length > 0,
    async act(model) {
      const run = chosen(openRuns(model), number);
      run.finish(end);
      await expect.poll(() => run.end, { interval: 1 }).toBeDefined();
    },
  };
}

function addToModel(model: Model, facts: Partial<Pick<ModelJob, "runAt" | "queue" | "key">>): ModelJob {
  const { runAt = 0, queue, key } = facts;
  const { epoch } = model;
  const job = { n: nextNumber(model), epoch, queue, key, runAt, replaced: undefined };
  model.jobs.push(job);
  return job;
}

function nextNumber({ jobs, plainJobs }: Model): number {
  return jobs.length + plainJobs.length + 1;
}

/** A row that is still there was locked, and its run goes on; all others of that key never begin any more. */
async function markReplaced(model: Model, world: World, newest: ModelJob): Promise<void> {
  const { jobs } = await world.read();
  for (const job of model.jobs) {
    if (job === newest || job.key !== newest.key || job.epoch !== newest.epoch || job.replaced) continue;
    job.replaced = jobs.some(({ n }) => n === job.n) ? "locked" : "waiting";
  }
}
