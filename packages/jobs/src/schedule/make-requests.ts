import { withTimeout } from "@acme/shared/timeout";
import { JobsError } from "../errors.ts";
import { newJobId } from "../job/job-id.ts";
import type { JobRequest } from "../job/job-request.ts";
import type { DueTicks } from "./due-ticks.ts";
import type { Schedule } from "./schedule.ts";
import type { LockedSchedule } from "./schedule-table.ts";
import { TickFailure } from "./tick-failure.ts";
import { tickId } from "./tick-id.ts";
import { requestFor } from "./tick-request.ts";

/** A schema may look something up, and the server ends a transaction that waits for longer than three seconds. */
const payloadWithinMs = 1_000;
const beginWithinMs = 500;

/** Jobs that can be added now. */
export interface MadeRequests extends Pick<DueTicks, "nextAt" | "lastAt"> {
  readonly requests: readonly JobRequest[];
}

/**
 * Makes the jobs of the ticks that are due, as many as there is time for, but at least one. The others stay due.
 *
 * @throws `TickFailure` if a job cannot be made, or takes too long.
 */
export async function makeRequests(
  schedule: Schedule,
  { ticks, nextAt, lastAt }: DueTicks,
  { now, isWanted }: Pick<LockedSchedule, "now" | "isWanted">,
): Promise<MadeRequests> {
  const make = (at: Date, id: string) => withTimeout(payloadWithinMs, requestFor(schedule, at, id), tookTooLong);
  try {
    const wanted = isWanted ? [await make(new Date(now), newJobId())] : [];
    const made: JobRequest[] = [];
    const beganAt = performance.now();
    for (const at of ticks) {
      const previousAt = ticks[made.length - 1];
      if (previousAt !== undefined && performance.now() - beganAt > beginWithinMs)
        return { requests: [...made, ...wanted], nextAt: at, lastAt: previousAt };
      made.push(await make(at, tickId(schedule.name, at)));
    }
    return { requests: [...made, ...wanted], nextAt, lastAt };
  } catch (error) {
    throw new TickFailure(error);
  }
}

function tookTooLong(): JobsError {
  return new JobsError("PAYLOAD_INVALID", `Its payload could not be checked within ${payloadWithinMs} ms.`);
}
