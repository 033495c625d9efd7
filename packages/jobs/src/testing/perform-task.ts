import type { Logger } from "@acme/shared/logger";
import { defaultLogger } from "../default-logger.ts";
import { checkNodeVersion } from "../node-version.ts";
import { toStoredPayload } from "../task/payload.ts";
import type { PerformableTask } from "../task/perform.ts";
import { originOfCaller } from "../job/origin.ts";
import { newJobId } from "../job/job-id.ts";
import { createAttempts } from "../worker/attempt.ts";

/** The attempt that the code sees in {@link performTask}. */
export interface PerformTaskOptions {
  /** Counted from 1. Default: 1. */
  readonly attempt?: number;
  /** Default: a new one. */
  readonly idempotencyKey?: string;
  /** Abort it to end the attempt, as a worker does when its stop has reached the deadline. */
  readonly signal?: AbortSignal;
  readonly logger?: Logger;
}

/**
 * Runs a task's code once, as a worker would, but without a database. The payload is checked as on enqueue and as in the
 * worker. The time limit counts. Inside `withCorrelation`, the attempt has these ids, as if the job came from there.
 *
 * @param payload - What `enqueue` takes for the task.
 * @returns the result of the code, with its type
 * @throws the error of the code, unchanged; `JobsError` `PAYLOAD_INVALID`, `ATTEMPT_TIMEOUT`, `NODE_UNSUPPORTED`.
 * @example
 * ```ts
 * const performTotal = perform(sendReceipt, ({ orderId }) => ({ orderId, total }));
 * expect((await performTask(performTotal, { orderId })).total).toBe(total);
 * await expect(performTask(performSendReceipt, { orderId: gone })).rejects.toThrow(NonRetryableError);
 * ```
 */
export async function performTask<Input, Result>(
  performable: PerformableTask<Input, Result>,
  payload: NoInfer<Input>,
  options: PerformTaskOptions = {},
): Promise<Awaited<Result>> {
  checkNodeVersion();
  const { attempt = 1, idempotencyKey = newJobId(), logger = defaultLogger } = options;
  const stored: unknown = JSON.parse(await toStoredPayload(performable.task, payload));
  const attempts = createAttempts(logger);
  const end = () => attempts.endAll(options.signal?.reason as Error);
  options.signal?.addEventListener("abort", end, { once: true });
  if (options.signal?.aborted) end();
  try {
    const job = { jobId: "0", attempt, idempotencyKey, origin: originOfCaller(), payload: stored, isQueued: false };
    return (await attempts.run(performable, job)) as Awaited<Result>;
  } finally {
    options.signal?.removeEventListener("abort", end);
  }
}
