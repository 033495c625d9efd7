import { childLogger } from "@acme/shared/child-logger";
import type { Logger } from "@acme/shared/logger";
import type { LockedJob } from "../graphile/locked-job.ts";
import type { AttemptContext } from "../task/perform.ts";
import { jobFields } from "./job-fields.ts";
import type { RunningAttempt } from "./running-attempt.ts";

export interface AttemptOfJob {
  readonly jobId: string;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly id?: LockedJob["id"];
  readonly origin?: LockedJob["origin"];
  readonly payload: unknown;
  /**
   * Whether the job is in a named queue. Its end is then written only after its code has ended, because that frees the
   * queue.
   */
  readonly isQueued: boolean;
  /** Asked just before the code begins. */
  readonly isSuperseded?: LockedJob["isSuperseded"];
}

interface AttemptParts {
  readonly job: AttemptOfJob;
  readonly task: string;
  readonly running: RunningAttempt;
  readonly logger: Logger;
}

/** What the code of an attempt gets. The logger and the signal are made at their first use: most code never uses them. */
export function attemptContext({ job, task, running, logger }: AttemptParts): AttemptContext {
  const { jobId, attempt, idempotencyKey, origin } = job;
  let own: Logger | undefined;
  const context = {
    jobId,
    attempt,
    idempotencyKey,
    get logger() {
      return (own ??= childLogger(logger, loggerFields(job, task)));
    },
    get signal() {
      return running.signal;
    },
  };
  return origin === undefined ? context : Object.assign(context, originFields(origin));
}

function loggerFields(job: AttemptOfJob, task: string): object {
  const eventType = job.origin?.eventType;
  return { ...jobFields({ ...job, task }, job.attempt), ...(eventType !== undefined && { eventType }) };
}

function originFields({ requestId, eventType: type, eventId: id }: NonNullable<AttemptOfJob["origin"]>) {
  return {
    ...(requestId !== undefined && { requestId }),
    ...(type !== undefined && id !== undefined && { event: { type, id } }),
  };
}
