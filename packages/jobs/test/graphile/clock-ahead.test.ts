import { expect, it } from "vitest";
import { z } from "zod";
import { freeDesertedQueues } from "../../src/graphile/job-locks.ts";
import { noteFailures } from "../../src/graphile/failure-notes.ts";
import { unsettledJobIds } from "../../src/graphile/settle-failures.ts";
import { defineTask } from "../../src/index.ts";
import { createTestJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });

it("a queue without its job is freed although it was locked by a server whose clock was ahead", async () => {
  await using test = await createTestJobs();
  await test.jobs.enqueue(task, { n: 1 }, { queue: "letters" });
  const lockUntil = (time: string) =>
    test.jobsPool.query(`update graphile_worker._private_job_queues set locked_by = 'gone', locked_at = ${time}`);
  const isLocked = async () => {
    await freeDesertedQueues(test.jobsPool);
    const { rows } = await test.jobsPool.query(
      "select from graphile_worker._private_job_queues where locked_at is not null",
    );
    return rows.length > 0;
  };

  await lockUntil("now()");
  expect(await isLocked()).toBe(true);
  await lockUntil("now() + interval '1 hour'");
  expect(await isLocked()).toBe(false);
});

it("what was to follow on a failure follows although a server noted it whose clock was ahead", async () => {
  await using test = await createTestJobs();
  const idempotencyKey = await test.jobs.enqueue(task, { n: 1 });
  await test.jobsPool.query("update graphile_worker._private_jobs set attempts = 1");
  const outcome = { kind: "retry", delayMs: 1, attemptsUsed: 1 } as const;
  await noteFailures(test.jobsPool, [
    { jobId: "1", idempotencyKey, task: "t", lockCount: 1, attempt: 1, outcome, error: new Error("x") },
  ]);

  expect(await unsettledJobIds(test.jobsPool, 10_000)).toEqual([]);
  await test.jobsPool.query("update acme_jobs.failures set updated_at = now() + interval '1 hour'");
  expect(await unsettledJobIds(test.jobsPool, 10_000)).toEqual(["1"]);
});
