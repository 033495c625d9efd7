import { expect, it } from "vitest";
import { z } from "zod";
import { noteFailures } from "../../src/graphile/failure-notes.ts";
import { settleFailures } from "../../src/graphile/settle-failures.ts";
import { moveJobsOfUnknownTasks } from "../../src/graphile/unknown-tasks.ts";
import { defineTask } from "../../src/index.ts";
import type { Outcome } from "../../src/task/outcome.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const outcomes: [string, Outcome][] = [
  ["removed with an older one that has failed for good", { kind: "dead", attemptsUsed: 1 }],
  ["put off with an older one that is tried again", { kind: "retry", delayMs: 3_600_000, attemptsUsed: 1 }],
];

/** A job whose attempt has ended and which is released. Its note is written and not settled. */
async function failedJob(test: TestJobs, outcome: Outcome): Promise<string> {
  const idempotencyKey = await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
  const { rows } = await test.jobsPool.query<{ id: string }>(
    "update graphile_worker._private_jobs set attempts = 1 returning id::text",
  );
  const jobId = rows[0]!.id;
  const error = new Error("failed");
  await noteFailures(test.jobsPool, [{ jobId, idempotencyKey, task: "t", lockCount: 1, attempt: 1, outcome, error }]);
  return jobId;
}

/** Commits the transaction once the work waits for it, or has ended. */
async function whileOpen(test: TestJobs, work: () => Promise<unknown>): Promise<void> {
  const client = await test.jobsPool.connect();
  await client.query("begin");
  await test.jobs.enqueue(task, { n: 2 }, { key: "k", tx: client });
  let hasEnded = false;
  const working = work().finally(() => (hasEnded = true));
  const waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
  await expect
    .poll(async () => hasEnded || (await test.jobsPool.query(waits)).rowCount === 1, { interval: 5 })
    .toBe(true);
  await client.query("commit");
  client.release();
  await working;
}

async function onlyJob(test: TestJobs) {
  const { rows } = await test.jobsPool.query(
    "select payload->'n' as n, attempts, run_at <= now() as is_due from graphile_worker._private_jobs",
  );
  return rows;
}

it.each(outcomes)(
  "a newer job of a key is not %s, although it takes the place of the older one at that moment",
  async (_, outcome) => {
    await using test = await createTestJobs();
    const jobId = await failedJob(test, outcome);

    await whileOpen(test, () => settleFailures(test.jobsPool, [jobId]));
    await settleFailures(test.jobsPool, [jobId]);

    expect(await onlyJob(test)).toEqual([{ n: 2, attempts: 0, is_due: true }]);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  },
);

it("a newer job of a key does not become a dead letter for an unknown task, although it takes the place of such a job at that moment", async () => {
  await using test = await createTestJobs();
  await test.jobs.enqueue(task, { n: 1 }, { key: "k", runAt: new Date(0) });
  await test.jobsPool.query("update acme_jobs.installation set watched_since = '-infinity', watched_at = now()");

  await whileOpen(test, () => moveJobsOfUnknownTasks(test.jobsPool, 60_000));

  expect(await onlyJob(test)).toEqual([{ n: 2, attempts: 0, is_due: true }]);
  expect(await test.jobs.deadLetters.list()).toEqual([]);
});
