import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs } from "../support/test-jobs.ts";
import { restAfter } from "../../src/worker/maintenance.ts";
import { defineTask, perform } from "../../src/index.ts";

const task = defineTask("t", { payload: z.object({}) });

describe("the maintenance of a worker", () => {
  it("takes at most a hundredth of the time, and is repeated within the hour although the process was stopped meanwhile", () => {
    const minuteMs = 60_000;

    expect(restAfter(100, minuteMs)).toBe(minuteMs);
    expect(restAfter(3_000, minuteMs)).toBe(300_000);
    expect(restAfter(15 * minuteMs, minuteMs)).toBe(60 * minuteMs);
  });

  it("removes the notes of jobs that are gone, however many there are", async () => {
    await using test = await createTestJobs();
    // As of jobs that were put off, and then succeeded at their first attempt.
    await test.jobsPool.query(`
      insert into acme_jobs.failures
        (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, is_settled, errors, updated_at)
      select n, n, 't', 1, 'retry', 'put off', now(), 0, true, '[]', now() - interval '2 minutes'
      from generate_series(1, 3500) as n`);

    await using worker = await test.jobs.startWorker({ tasks: [perform(task, () => undefined)] });

    await expect
      .poll(async () => (await test.jobsPool.query("select from acme_jobs.failures")).rowCount, { timeout: 5_000 })
      .toBe(0);
    expect(worker.state).toBe("running");
  });
});
