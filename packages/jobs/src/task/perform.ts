import { JobsError } from "../errors.ts";
import type { Logger } from "@acme/shared/logger";
import { assertTask, type Task } from "./task.ts";

/** What a task's code receives besides its payload. */
export interface AttemptContext {
  /** Aborted when the task's time is over, or when the worker stops and its deadline has passed. Pass it on. */
  readonly signal: AbortSignal;
  /** Counted from 1. */
  readonly attempt: number;
  /**
   * One per `enqueue`, the same in every attempt and after a replay from the dead letters: pass it to
   * `unitOfWork.runOnce(idempotencyKey, …)`, or to a payment provider.
   */
  readonly idempotencyKey: string;
  /** Graphile Worker's id of the job. Starts again when its database is made anew: never key anything by it. */
  readonly jobId: string;
  readonly logger: Logger;
}

/** A task with its code: what a worker takes. */
export interface PerformableTask {
  readonly task: Task;
  readonly run: (payload: never, context: AttemptContext) => unknown;
}

/**
 * Gives a task its code.
 *
 * The function runs at least once per job. When it returns, the job is done; when it throws, the task's retry policy
 * decides. It may throw `NonRetryableError`, `RetryAfterError` or `snooze(delayMs)` to decide for itself.
 *
 * @throws {@link JobsError} `HANDLER_INVALID` when the second argument is not a function.
 * @example
 * ```ts
 * const performSendReceipt = perform(sendReceipt, async ({ orderId }, { signal }) => {
 *   await mailer.sendReceipt(orderId, { signal });
 * });
 * ```
 */
export function perform<Input, Output>(
  task: Task<string, Input, Output>,
  run: (payload: Output, context: AttemptContext) => unknown,
): PerformableTask {
  assertTask(task);
  if (typeof run !== "function") {
    throw new JobsError("HANDLER_INVALID", `perform("${task.name}", …) takes a function as its second argument.`);
  }
  return Object.freeze({ task, run });
}
