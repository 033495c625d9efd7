import { runsOf, wasAbsentSince, type Model, type ModelJob, type ModelRun, type ModelWorker } from "./model.ts";
import { retryAfterMs, retryDelayMs } from "./settings.ts";

/** PostgreSQL counts microseconds. */
const roundingMs = 2;

export interface Beginning {
  readonly n: number;
  readonly attempt: number;
  readonly jobId: string;
  /** As far as is known, no other worker has recovered the job before. */
  readonly isOwned: boolean;
}

/** A run begins: it must not be one too many, too early, or beside another one of its queue. */
export function noteBeginning(
  model: Model,
  worker: ModelWorker,
  { n, attempt, jobId, isOwned }: Beginning,
  finish: ModelRun["finish"],
): ModelRun {
  const beganAt = Date.now();
  const found = model.jobs.find((job) => job.n === n);
  if (found === undefined) model.violations.push(`a run of job ${n}, which is nobody's`);
  const job = found ?? unknownJob(n, model.epoch);
  const run: ModelRun = {
    job,
    jobId,
    worker,
    attempt,
    beganAt,
    isForeign: !isOwned,
    end: undefined,
    endedAt: 0,
    finish,
  };
  if (isOwned) model.violations.push(...complaints(model, run).map((what) => `job ${n}, attempt ${attempt}: ${what}`));
  model.runs.push(run);
  return run;
}

function complaints(model: Model, { job, attempt, beganAt }: ModelRun): string[] {
  const earlier = runsOf(model, job);
  const isWhole = (run: ModelRun) => !run.isForeign && !wasAbsentSince(run.worker, run.beganAt);
  const beside = (run: ModelRun) => run.end === undefined && isWhole(run) && run.job.epoch === job.epoch;
  const last = earlier.at(-1);
  const due = last && isWhole(last) ? dueAfter(last) : undefined;
  const found: (string | false)[] = [
    earlier.some(beside) && "runs beside itself",
    earlier.some((run) => run.end === "success" && isWhole(run)) && "runs again though it was done",
    job.queue !== undefined &&
      model.runs.some((run) => run.job !== job && run.job.queue === job.queue && beside(run)) &&
      "runs beside another one of its queue",
    job.replaced === "waiting" && "runs though a newer one had replaced it",
    !model.isRushed && beganAt < job.runAt - roundingMs && "runs before its time",
    !model.isRushed && due !== undefined && beganAt < due - roundingMs && "runs again too early",
    earlier.every(isWhole) && attempt !== 1 + earlier.filter(isCounted).length && "has another number than it should",
  ];
  return found.filter((what) => what !== false);
}

/** When a job may run again. */
export function dueAfter({ end, endedAt }: ModelRun): number | undefined {
  if (end === undefined || end === "handed back" || end === "success" || end === "not retryable") return undefined;
  return endedAt + (end === "retry after" || end === "snooze" ? retryAfterMs : retryDelayMs);
}

/** Whether it has used an attempt, in its owner's hands. */
export function isCounted({ end }: ModelRun): boolean {
  return end !== undefined && end !== "handed back" && end !== "snooze";
}

function unknownJob(n: number, epoch: number): ModelJob {
  return { n, epoch, queue: undefined, key: undefined, runAt: 0, replaced: undefined };
}
