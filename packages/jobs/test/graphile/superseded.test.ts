import { Pool } from "pg";
import { expect, it } from "vitest";
import { z } from "zod";
import { createHangMemory } from "../../src/graphile/hang-memory.ts";
import { HeldJobs } from "../../src/graphile/held-jobs.ts";
import { jobsLockedBy } from "../../src/graphile/job-locks.ts";
import type { LockedJob } from "../../src/graphile/locked-job.ts";
import { returnOnly } from "../../src/graphile/return-jobs.ts";
import { createHeldJobRun } from "../../src/graphile/run-held-job.ts";
import { createSlots } from "../../src/graphile/slots.ts";
import { defineTask, perform } from "../../src/index.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";

const addJob = (test: TestJobs, n: number) =>
  test.jobsPool.query("select graphile_worker.add_job('t', $1, job_key => 'k')", [{ n }]);

/** A job of plain SQL that a pool has locked, and whose key a newer one has taken. */
async function supersededJob(test: TestJobs): Promise<string> {
  await addJob(test, 1);
  const { rows } = await test.jobsPool.query<{ id: string }>(
    `update graphile_worker._private_jobs set locked_by = 'pool', locked_at = now(), attempts = 1 returning id::text`,
  );
  await addJob(test, 2);
  return rows[0]!.id;
}

it("a job of plain SQL that has lost its key is not returned to be run again", async () => {
  await using test = await createTestJobs();
  const jobId = await supersededJob(test);

  await test.jobsPool.query(returnOnly("pool", [jobId]));

  const { rows } = await test.jobsPool.query(
    "select payload->'n' as n from graphile_worker._private_jobs where is_available",
  );
  expect(rows).toEqual([{ n: 2 }]);
});

it("a job of plain SQL that has lost its key is recognized as superseded when its worker has died", async () => {
  await using test = await createTestJobs();
  await supersededJob(test);

  expect(await jobsLockedBy(test.jobsPool, ["pool"])).toMatchObject([{ trace: "superseded" }]);
});

it("a job of one attempt, added while the server's clock was ahead, is not taken for superseded", async () => {
  await using test = await createTestJobs();
  await test.jobsPool.query("select graphile_worker.add_job('t', '{}', max_attempts => 1)");
  await test.jobsPool.query(`
    update graphile_worker._private_jobs set locked_by = 'pool', locked_at = now(), attempts = 1,
      created_at = now() + interval '1 hour', updated_at = now() + interval '1 hour'`);

  expect(await jobsLockedBy(test.jobsPool, ["pool"])).toMatchObject([{ trace: "unknown" }]);

  await test.jobsPool.query(returnOnly("pool", ["1"]));
  const { rows } = await test.jobsPool.query("select attempts from graphile_worker._private_jobs where is_available");
  expect(rows).toEqual([{ attempts: 0 }]);
});

it("a keyed job runs although no connection is free to check its key", { timeout: 20_000 }, async () => {
  await using test = await createTestJobs();
  const pgPool = new Pool({ connectionString: test.jobsUrl, max: 1 });
  const client = await pgPool.connect();
  const held = new HeldJobs(createHangMemory(4));
  held.hold([{ id: "1", attempts: 1, job_queue_id: null }], performance.now() - 1_000);
  let answer: unknown;
  const run = createHeldJobRun({
    pgPool,
    held,
    slots: createSlots(1, () => undefined),
    run: async (job: LockedJob) => void (answer = await job.isSuperseded?.()),
  });

  await run({
    id: "1",
    key: "k",
    task_identifier: "t",
    attempts: 1,
    payload: {},
    job_queue_id: null,
    flags: null,
  } as never);

  expect(answer).toBe(false);
  client.release();
  await pgPool.end();
});

it("a job that was failed for good with a function of Graphile Worker becomes a dead letter", async () => {
  await using test = await createTestJobs();
  const task = defineTask("t", { payload: z.object({ n: z.number() }) });
  const id = await test.jobs.enqueue(task, { n: 1 }, { runAt: new Date("2099-01-01"), key: "k" });
  await test.jobsPool.query(
    "select graphile_worker.permanently_fail_jobs(array(select id from graphile_worker.jobs), 'no longer wanted')",
  );

  const worker = await test.jobs.startWorker({ tasks: [perform(task, () => undefined)] });

  await expect
    .poll(() => test.jobs.deadLetters.list())
    .toMatchObject([
      { id, payload: { n: 1 }, attempts: 0, reason: "Failed for good by somebody else: no longer wanted" },
    ]);
  await worker.stop();
});

it("a job whose few attempts were used up by something else becomes a dead letter", async () => {
  await using test = await createTestJobs();
  const task = defineTask("t", { payload: z.object({ n: z.number() }) });
  const id = await test.jobs.enqueue(task, { n: 1 });
  await test.jobsPool.query(
    "select graphile_worker.reschedule_jobs(array(select id from graphile_worker.jobs), max_attempts := 3, attempts := 3)",
  );

  const worker = await test.jobs.startWorker({ tasks: [perform(task, () => undefined)] });

  await expect.poll(() => test.jobs.deadLetters.list()).toMatchObject([{ id, payload: { n: 1 } }]);
  await worker.stop();
});
