import type { Admin } from "../../admin/admin.ts";
import { namesOf } from "../../check-options.ts";
import { JobsError } from "../../errors.ts";

/** All but what jobs in memory have. */
type Unavailable = Omit<Admin, "pause" | "resume" | "pauses">;

const unavailableNames = namesOf<Unavailable>({
  overview: true,
  tasks: true,
  minutes: true,
  list: true,
  get: true,
  payload: true,
  runNow: true,
  putOff: true,
  discard: true,
  workers: true,
  queues: true,
  schedules: true,
  pauseSchedule: true,
  resumeSchedule: true,
  runSchedule: true,
  removeSchedule: true,
  outbox: true,
  doctor: true,
});

/** Each method rejects. */
export function adminNotInMemory(): Unavailable {
  return Object.fromEntries(unavailableNames.map((name) => [name, rejecting(name)])) as unknown as Unavailable;
}

function rejecting(name: string) {
  return async () => {
    throw notInMemory(`admin.${name}()`, "enqueued(), makeDue() and waitFor() of @acme/jobs/testing look into them");
  };
}

export function notInMemory(what: string, instead: string): JobsError {
  return new JobsError(
    "NOT_IN_MEMORY",
    `Jobs in memory have no ${what}: ${instead}. For the rest, test with createJobs() and PostgreSQL.`,
  );
}
