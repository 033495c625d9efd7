import { expect, it } from "vitest";
import { z } from "zod";
import { noteFailures } from "../../src/graphile/failure-notes.ts";
import { moveJobsFailedByOthers } from "../../src/graphile/failed-by-others.ts";
import { moveJobsOfUnknownTasks } from "../../src/graphile/unknown-tasks.ts";
import { defineTask } from "../../src/index.ts";
import { sweepFailures } from "../../src/worker/recover-dead-workers.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const inAnHour = new Date(Date.now() + 3_600_000);

/** As a worker that has run the job, failed, released it and died, long enough ago for a sweep. */
async function failAndDie({ jobsPool }: TestJobs, id: string) {
  const error = new Error("broken");
  const outcome = { kind: "retry", attemptsUsed: 1, delayMs: 5e6 } as const;
  await jobsPool.query("update graphile_worker._private_jobs set attempts = 1");
  await noteFailures(jobsPool, [
    { jobId: "1", idempotencyKey: id, task: "t", lockCount: 1, attempt: 1, outcome, error, durationMs: 1 },
  ]);
  await jobsPool.query("update acme_jobs.failures set updated_at = now() - interval '1 minute'");
}

const failForGood = ({ jobsPool }: TestJobs) =>
  jobsPool.query("select graphile_worker.permanently_fail_jobs(array[1], 'by hand')");

const reason = "Failed for good by somebody else: by hand";

it.each([undefined, "k"])(
  "a job that others fail for good before its failure is settled is kept (key: %s)",
  async (key) => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(task, { n: 1 }, key === undefined ? {} : { key });
    await failAndDie(test, id);
    await failForGood(test);

    await sweepFailures(test.jobsPool);
    await moveJobsFailedByOthers(test.jobsPool);

    const letters = await test.jobs.deadLetters.list();
    expect(letters).toMatchObject([{ id, payload: { n: 1 }, reason, attempts: 1, errors: [{ message: "broken" }] }]);
  },
);

it("a job that others fail for good is kept without the failures of the one whose key it took", async () => {
  await using test = await createTestJobs();
  await failAndDie(test, await test.jobs.enqueue(task, { n: 1 }, { key: "k" }));
  const id = await test.jobs.enqueue(task, { n: 2 }, { key: "k", runAt: inAnHour });
  await failForGood(test);

  await sweepFailures(test.jobsPool);
  await moveJobsFailedByOthers(test.jobsPool);

  const letters = await test.jobs.deadLetters.list();
  expect(letters).toMatchObject([{ id, payload: { n: 2 }, reason, attempts: 0, errors: [] }]);
});

it("a job of an unknown task is kept without the failures of the one whose key it took", async () => {
  await using test = await createTestJobs();
  await failAndDie(test, await test.jobs.enqueue(task, { n: 1 }, { key: "k" }));
  const id = await test.jobs.enqueue(task, { n: 2 }, { key: "k" });
  await test.jobsPool.query("update acme_jobs.installation set watched_since = '2026-01-01'");

  await moveJobsOfUnknownTasks(test.jobsPool, 0);

  expect(await test.jobs.deadLetters.list()).toMatchObject([{ id, payload: { n: 2 }, attempts: 0, errors: [] }]);
});
