import { JobsError } from "../errors.ts";
import type { Logger } from "@acme/shared/logger";
import { assertTask, type Task } from "./task.ts";

/** What a task's code gets besides its payload. */
export interface AttemptContext {
  /**
   * Aborted when the attempt has reached its time limit, or when the worker stops and its deadline has passed. Pass it to
   * everything that takes a signal.
   */
  readonly signal: AbortSignal;
  /** Counted from 1. */
  readonly attempt: number;
  /**
   * The id that `enqueue` returned: the same in every attempt, also after a retry of the dead letter. Pass it to
   * `unitOfWork.runOnce(idempotencyKey, …)`, or to a payment provider.
   */
  readonly idempotencyKey: string;
  /** Graphile Worker's id of the job. Do not use it as a key: ids start again if the database is created anew. */
  readonly jobId: string;
  /** The id of the request that the job comes from, if one was set with `withCorrelation` when it was enqueued. */
  readonly requestId?: string;
  /** The event that the job comes from, if a durable handler enqueued it, or a job that such a handler enqueued. */
  readonly event?: { readonly type: string; readonly id: string };
  /** Adds `task`, `jobId`, `id`, `attempt`, `requestId`, `eventType` and `eventId`, as far as there are any, to each line. */
  readonly logger: Logger;
}

/** A task with its code, as a worker needs it. Made by {@link perform}. Knows what `enqueue` takes and what the code returns. */
export interface PerformableTask<Input = unknown, Result = unknown> {
  readonly task: Task<string, Input>;
  readonly run: (payload: never, context: AttemptContext) => Result;
}

/**
 * Gives a task its code.
 *
 * The function runs at least once per job. When it returns, the job is done. When it throws, the task's retry policy
 * decides what happens. It may throw `NonRetryableError`, `RetryAfterError` or `snooze(delayMs)` to decide that itself.
 *
 * @throws {@link JobsError} `HANDLER_INVALID` when the second argument is not a function.
 * @example
 * ```ts
 * const performSendReceipt = perform(sendReceipt, async ({ orderId }, { signal }) => {
 *   await mailer.sendReceipt(orderId, { signal });
 * });
 * ```
 */
export function perform<Input, Output, Result = unknown>(
  task: Task<string, Input, Output>,
  run: (payload: Output, context: AttemptContext) => Result,
): PerformableTask<Input, Result> {
  assertTask(task);
  if (typeof run !== "function") {
    throw new JobsError("HANDLER_INVALID", `perform("${task.name}", …) takes a function as its second argument.`);
  }
  return Object.freeze({ task, run });
}
