import { expect } from "vitest";
import type { Task } from "./task/task.ts";
import type { ExpectedJob } from "./testing/look-for.ts";
import { jobsMatchers } from "./testing/matchers.ts";

expect.extend(jobsMatchers);

export { jobsMatchers };

declare global {
  // Vitest takes over what is here. Its own interfaces have other type parameters in each major version, and an
  // interface can be extended only by one with the same parameters.
  namespace Chai {
    interface Assertion {
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
}
