import { timeOfUuidV7 } from "@acme/shared/uuid-v7";
import type { LockedJob } from "../graphile/locked-job.ts";

/** More than the clocks of two hosts differ. */
const longestSkewMs = 60_000;

/**
 * Milliseconds for which a job was due before its first attempt began, by the clock of the database. `undefined` for a later
 * attempt, which has waited for its delay.
 *
 * A job may be enqueued with a time in the past, and has not waited before it was there. Its id says when that was, but by the
 * clock of the host that enqueued it. So it is asked only after a wait that is longer than clocks differ.
 */
export function waitedUntil(
  beganAt: number,
  { lockCount, dueAt, id }: Pick<LockedJob, "lockCount" | "dueAt" | "id">,
): number | undefined {
  if (lockCount > 1 || dueAt === undefined) return undefined;
  const waitedMs = beganAt - dueAt;
  if (waitedMs <= longestSkewMs || id === undefined) return waitedMs;
  const enqueuedAt = timeOfUuidV7(id);
  return enqueuedAt === undefined ? waitedMs : Math.min(waitedMs, Math.max(0, Date.now() - enqueuedAt));
}
