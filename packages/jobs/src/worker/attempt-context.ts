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

/** What the code of an attempt gets. */
export class ContextOfAttempt implements AttemptContext {
  readonly jobId: string;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly logger: Logger;
  declare readonly signal: AbortSignal;
  declare readonly requestId?: string;
  declare readonly event?: { readonly type: string; readonly id: string };
  readonly #running: RunningAttempt;

  constructor({ job, task, running, logger }: AttemptParts) {
    this.#running = running;
    this.jobId = job.jobId;
    this.attempt = job.attempt;
    this.idempotencyKey = job.idempotencyKey;
    this.logger = childLogger(logger, () => loggerFields(job, task));
    Object.defineProperty(this, "signal", ContextOfAttempt.#signal);
    if (job.origin !== undefined) Object.assign(this, originFields(job.origin));
  }

  /**
   * Made at its first use, because most code never uses it. It is a property of the object itself, so that a copy has it, too;
   * one getter for all, because an object with a getter of its own takes four times as long to make.
   */
  static readonly #signal: PropertyDescriptor & ThisType<ContextOfAttempt> = {
    enumerable: true,
    configurable: true,
    get() {
      return this.#running.signal;
    },
  };
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
