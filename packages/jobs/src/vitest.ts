import { expect } from "vitest";
import type { Task } from "./task/task.ts";
import type { ExpectedJob } from "./testing/look-for.ts";
import { jobsMatchers } from "./testing/matchers.ts";

expect.extend(jobsMatchers);

export { jobsMatchers };

declare module "vitest" {
  // The parameters have to be those of vitest's own declaration.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /**
     * Passes if a job of the task has been enqueued and has not ended that has everything of `expected`. Await it.
     *
     * @throws {@link JobsError} as `enqueued` of `@acme/jobs/testing`.
     * @example
     * ```ts
     * import "@acme/jobs/vitest";
     *
     * await expect(jobs).toHaveEnqueued(sendReceipt, { payload: { orderId } });
     * await expect(jobs).not.toHaveEnqueued(sendReceipt, { queue: "slow" });
     * ```
     */
    toHaveEnqueued<Input, Output>(
      task: Task<string, Input, Output>,
      expected?: ExpectedJob<NoInfer<Output>>,
    ): Promise<void>;
  }
}
