import { AssertionError } from "node:assert";
import type { EnqueuedJob } from "../job/enqueued-job.ts";
import type { Jobs } from "../jobs.ts";
import type { Task } from "../task/task.ts";
import { lookFor, type ExpectedJob } from "./look-for.ts";

/**
 * Asserts that at least one job of the task has been enqueued and has not ended, as {@link enqueued} lists them. It is for
 * `node:test` and for any other runner; the matcher `toHaveEnqueued` of {@link jobsMatchers} says the same.
 *
 * @param expected - What the job has to have. A payload may have more than what is expected of it.
 * @returns the first of the jobs that fit
 * @throws `AssertionError` of `node:assert`, whose message lists the jobs there are; {@link JobsError} as `enqueued`.
 * @example
 * ```ts
 * const job = await assertEnqueued(jobs, sendReceipt, { payload: { orderId } });
 * expect(job.attempts).toBe(0);
 * ```
 */
export async function assertEnqueued<Input, Output>(
  jobs: Jobs,
  task: Task<string, Input, Output>,
  expected?: ExpectedJob<NoInfer<Output>>,
): Promise<EnqueuedJob<Output>> {
  const { fitting, missing } = await lookFor(jobs, task, expected);
  const [job] = fitting;
  if (job === undefined) throw new AssertionError({ message: missing(), stackStartFn: assertEnqueued });
  return job;
}

/**
 * Asserts that no job of the task is there that has everything of `expected`. Without `expected`: none at all.
 *
 * @throws `AssertionError` of `node:assert`, whose message lists the jobs that fit; {@link JobsError} as `enqueued`.
 * @example
 * ```ts
 * await assertNotEnqueued(jobs, sendReceipt);
 * ```
 */
export async function assertNotEnqueued<Input, Output>(
  jobs: Jobs,
  task: Task<string, Input, Output>,
  expected?: ExpectedJob<NoInfer<Output>>,
): Promise<void> {
  const { fitting, present } = await lookFor(jobs, task, expected);
  if (fitting.length > 0) throw new AssertionError({ message: present(), stackStartFn: assertNotEnqueued });
}
