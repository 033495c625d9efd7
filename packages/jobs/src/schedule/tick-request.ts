import { isPromiseLike } from "@acme/shared/promise-like";
import { JobsError } from "../errors.ts";
import { toJobRequests, type JobOptions, type JobRequest } from "../job/job-request.ts";
import type { Schedule } from "./schedule.ts";

/** The job of one tick. */
export async function requestFor(schedule: Schedule, at: Date, id: string): Promise<JobRequest> {
  const { task, name, overlap, payloadAt } = schedule;
  const group = `schedule:${name}`;
  const options: JobOptions = overlap === "queue" ? { queue: group } : { key: group };
  const payload = payloadAt({ at });
  if (isPromiseLike(payload))
    throw new JobsError("PAYLOAD_INVALID", `The payload of the schedule "${name}" must not be a promise.`);
  const [request] = await toJobRequests(task, [payload], { options, flags: null });
  return { ...(request as JobRequest), id };
}
