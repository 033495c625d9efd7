import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";
import { defineTask, perform, retry, type PerformableTask } from "../../src/index.ts";

const failing = defineTask("failing", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 5, delayMs: 0 }),
});

describe("the errors of a job", () => {
  it("have their durations, and the last three of them their stacks", async () => {
    await using test = await createTestJobs();
    await start(test, perform(failing, failWithin(20)));
    await test.jobs.enqueue(failing, { n: 1 });

    const errors = await errorsOf(test);

    expect(errors.map(({ attempt, message }) => [attempt, message])).toEqual(
      [1, 2, 3, 4, 5].map((attempt) => [attempt, "on purpose"]),
    );
    expect(errors.map(({ stack }) => stack?.includes("failure-notes.test.ts"))).toEqual([
      undefined,
      undefined,
      true,
      true,
      true,
    ]);
    for (const { durationMs = 0 } of errors) expect(durationMs).toBeGreaterThan(15);
  });

  it("lose older stacks also after the dead letter was retried", async () => {
    await using test = await createTestJobs();
    await start(test, perform(failing, failWithin(0)));
    const id = await test.jobs.enqueue(failing, { n: 1 });
    await errorsOf(test);

    await test.jobs.deadLetters.retry(id);

    await expect.poll(async () => (await errorsOf(test)).length, { timeout: 10_000 }).toBe(10);
    const errors = await errorsOf(test);
    expect(errors.filter(({ stack }) => stack !== undefined)).toEqual(errors.slice(-3));
    expect(errors.filter(({ isBeforeRetry }) => isBeforeRetry)).toHaveLength(5);
  });

  it("go on where a version before this one has begun, which kept neither", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(failing, { n: 1 });
    await test.jobsPool.query(
      `insert into acme_jobs.failures (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, is_settled, errors)
       select id, substr((select jsonb_object_keys(flags)), 9), 'failing', 1, 'retry', 'x', now(), 1, true,
         '[{"attempt": 1, "at": "2026-01-01T00:00:00Z", "name": "Error", "message": "x"}]'
       from graphile_worker._private_jobs`,
    );
    await test.jobsPool.query("update graphile_worker._private_jobs set attempts = 1");

    await start(test, perform(failing, failWithin(0)));

    const errors = await errorsOf(test);
    expect(errors.map((error) => "durationMs" in error)).toEqual([false, true, true, true, true]);
  });

  it("have a stack that is not in the message, nor in the reason of the dead letter", async () => {
    await using test = await createTestJobs();
    await start(test, perform(failing, failWithin(0)));
    await test.jobs.enqueue(failing, { n: 1 });
    await errorsOf(test);

    const [letter] = await test.jobs.deadLetters.list();

    expect([letter?.reason, ...(letter?.errors ?? []).map(({ message }) => message)]).toEqual(
      Array.from({ length: 6 }, () => "on purpose"),
    );
  });
});

function failWithin(ms: number) {
  return async () => {
    const endsAt = performance.now() + ms;
    while (performance.now() < endsAt);
    throw new Error("on purpose");
  };
}

async function start(test: TestJobs, task: PerformableTask): Promise<void> {
  const worker = await test.jobs.startWorker({ tasks: [task] });
  onTestFinished(() => worker.stop());
}

async function errorsOf({ jobs }: TestJobs) {
  await expect.poll(async () => (await jobs.deadLetters.list()).length, { timeout: 10_000 }).toBe(1);
  const [letter] = await jobs.deadLetters.list();
  return letter?.errors ?? [];
}
