import {
  attemptsAllowed,
  dueIn,
  longDelayMs,
  retryDelayMs,
  type Model,
  type ModelJob,
  type ModelRun,
} from "./model.ts";

/** How the code of an attempt can end without having succeeded. */
export const failures = ["error", "retry after", "at once", "not retryable", "snooze", "hand-back"] as const;
export type Failure = (typeof failures)[number];
export type Ending = Failure | "success";

/** The code of an attempt has failed, and that is noted. */
export function noteFailureOf(model: Model, run: ModelRun, failure: Failure): void {
  const { job } = run;
  run.stage = "noted";
  job.inheritsNote = false;
  if (failure === "snooze" || failure === "hand-back") {
    job.pending = "retry";
    job.due = dueIn(model, failure === "snooze" ? longDelayMs : 0);
    return;
  }
  useAttempt(job);
  if (failure === "not retryable" || job.used >= attemptsAllowed) {
    job.pending = "dead";
    return;
  }
  job.pending = "retry";
  job.due = dueIn(model, { error: retryDelayMs, "retry after": longDelayMs, "at once": 0 }[failure]);
}

/** The job had used its attempts up by crashes; the code has not been reached. */
export function noteUsedUp(run: ModelRun): void {
  run.stage = "noted";
  run.job.pending = "dead";
}

/** Settles a note if its job is free, and removes the rest of a dropped job. */
export function settleJob(job: ModelJob): void {
  if (job.place !== "free") return;
  if (job.isDropped) job.place = "gone";
  else if (job.pending === "dead") job.place = "dead letter";
  job.pending = undefined;
}

/** The worker of a locked job is dead, and another one takes the job back. */
export function recoverJob(model: Model, run: ModelRun): void {
  const { job } = run;
  job.place = "free";
  job.lockedBy = undefined;
  if (!job.isDropped && job.pending === undefined) crash(model, run);
  settleJob(job);
}

/** A crash counts if the code is known to have begun. For a first lock, this is not recorded. */
function crash(model: Model, { job, isFirstLock, stage }: ModelRun): void {
  if (isFirstLock) job.uncountedCrashes += 1;
  if (isFirstLock || stage === "locked") {
    job.due = dueIn(model, 0);
    return;
  }
  job.due = dueIn(model, 1_000 * 2 ** job.used);
  useAttempt(job);
}

function useAttempt(job: ModelJob): void {
  job.used += 1;
  job.errors.push(job.used);
}
