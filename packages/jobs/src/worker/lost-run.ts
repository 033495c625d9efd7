import { attemptNotStarted, takenTooEarly } from "../graphile/engine-errors.ts";
import type { LockedJob } from "../graphile/locked-job.ts";
import type { StartedAttempt } from "../graphile/start-attempts.ts";

/** A worker may lose a job while it waits for an answer, and get it again: the run under the older lock is over then. */
const isOver = ({ isDisowned }: LockedJob): boolean => isDisowned?.() ?? false;

/** Starts the attempt, unless its run is over: the start would be recorded for the run that comes. */
export async function startUnlessOver(
  job: LockedJob,
  start: () => Promise<StartedAttempt>,
): Promise<StartedAttempt | undefined> {
  return isOver(job) ? undefined : start();
}

/** @throws if the code must not run now */
export function attemptOf(job: LockedJob, started: StartedAttempt | undefined): number {
  if (started === undefined || started.isTaken || isOver(job)) throw attemptNotStarted;
  if (started.isTooEarly) throw takenTooEarly;
  return started.attempt;
}
