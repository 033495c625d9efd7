import type { Jobs } from "../jobs.ts";
import type { Task } from "../task/task.ts";
import { lookFor, type ExpectedJob } from "./look-for.ts";

/**
 * The types of {@link jobsMatchers}. `@acme/jobs/vitest` adds them to those of vitest; for Jest, extend its `Matchers` by
 * them, as the guide to testing shows for `@types/jest` and for `@jest/globals`.
 *
 * @example
 * ```ts
 * await expect(jobs).not.toHaveEnqueued(sendReceipt);
 * ```
 */
export interface JobsMatchers {
  /**
   * Passes if a job of the task has been enqueued and has not ended that has everything of `expected`. Await it.
   *
   * @throws {@link JobsError} as `enqueued` of `@acme/jobs/testing`.
   * @example
   * ```ts
   * await expect(jobs).toHaveEnqueued(sendReceipt, { payload: { orderId } });
   * await expect(jobs).not.toHaveEnqueued(sendReceipt, { queue: "slow" });
   * ```
   */
  toHaveEnqueued<Input, Output>(
    task: Task<string, Input, Output>,
    expected?: ExpectedJob<NoInfer<Output>>,
  ): Promise<void>;
}

/**
 * Matchers for `expect.extend()` of vitest and of Jest. Importing `@acme/jobs/vitest` registers them, with their types.
 *
 * `await expect(jobs).toHaveEnqueued(task, expected?)` passes if a job of the task has been enqueued and has not ended that has
 * everything of `expected`, and with `.not` if there is none. See {@link assertEnqueued}.
 *
 * @throws {@link JobsError} as `enqueued`, from the matcher.
 * @example
 * ```ts
 * expect.extend(jobsMatchers);
 * ```
 */
export const jobsMatchers = {
  async toHaveEnqueued(jobs: Jobs, task: Task, expected?: ExpectedJob) {
    const { fitting, missing, present } = await lookFor(jobs, task, expected);
    const pass = fitting.length > 0;
    return { pass, message: pass ? present : missing };
  },
};
