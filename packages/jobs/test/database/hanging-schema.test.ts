import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs, storedJobs } from "../support/test-jobs.ts";
import { defineTask, perform, retry } from "../../src/index.ts";

/** A task whose schema answers while its job is enqueued, and never again. */
function hangingTask(timeoutMs?: number) {
  let isEnqueued = false;
  let lookCount = 0;
  const task = defineTask("t", {
    payload: z.object({}).refine(async () => {
      if (!isEnqueued) return true;
      lookCount += 1;
      return new Promise<boolean>(() => undefined);
    }),
    retry: retry.never,
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  return { task, hangs: () => (isEnqueued = true), lookCount: () => lookCount };
}

describe("a payload schema that never answers in the worker", () => {
  it.each([
    ["without a queue", {}],
    ["of a named queue", { queue: "q" }],
  ])("is bound by the time limit of its task, for a job %s", async (_, settings) => {
    await using test = await createTestJobs();
    const { task, hangs } = hangingTask(100);
    await test.jobs.enqueue(task, {}, settings);
    hangs();
    let runCount = 0;

    await using worker = await test.jobs.startWorker({ tasks: [perform(task, () => void (runCount += 1))] });

    await expect.poll(() => test.jobs.deadLetters.list(), { timeout: 5_000 }).toHaveLength(1);
    expect((await test.jobs.deadLetters.list())[0]?.reason).toContain("took longer than its time limit of 100 ms");
    expect(worker.state).toBe("running");
    expect(runCount).toBe(0);
  });

  it("does not keep the worker from stopping, and the stop uses no attempt", async () => {
    await using test = await createTestJobs();
    const { task, hangs, lookCount } = hangingTask();
    await test.jobs.enqueue(task, {});
    hangs();
    const worker = await test.jobs.startWorker({ tasks: [perform(task, () => undefined)] });
    await expect.poll(lookCount).toBeGreaterThan(0);

    await worker.stop({ deadlineMs: 0 });

    expect(await storedJobs(test.jobsPool)).toMatchObject([{ task: "t", attempts: 0 }]);
  });
});
