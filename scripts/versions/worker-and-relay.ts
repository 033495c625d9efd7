// oxlint-disable import/no-named-as-default-member -- the oldest pg has no named exports for ES modules.
// A job exists if and only if its transaction commits, and runs, also behind a relay: run in a project that has the packages.
import assert from "node:assert/strict";
import { createJobs, defineTask, perform, retry } from "@acme/jobs";
import { drain } from "@acme/jobs/testing";
import pg from "pg";
import { z } from "zod";

const urls = { data: String(process.env["DATA_URL"]), jobs: String(process.env["JOBS_URL"]) };
const pool = new pg.Pool({ connectionString: urls.data, max: 4 });

await runsJobs();
await movesJobs();
await pool.end();
process.disconnect?.();

async function runsJobs(): Promise<void> {
  const jobs = createJobs({ connection: urls.jobs });
  await jobs.migrate();
  const ran: number[] = [];
  const task = defineTask("note", {
    payload: z.object({ n: z.number() }),
    retry: retry.fixed({ attempts: 2, delayMs: 10 }),
  });
  const performTask = perform(task, ({ n }) => {
    ran.push(n);
    if (n === 3) throw new Error("always");
  });
  const jobsPool = new pg.Pool({ connectionString: urls.jobs, max: 1 });
  const client = await jobsPool.connect();
  for (const [n, end] of [
    [1, "rollback"],
    [2, "commit"],
    [3, "commit"],
  ] as const) {
    await client.query("begin");
    await jobs.enqueue(task, { n }, { tx: client });
    await client.query(end);
  }
  client.release();
  await jobsPool.end();
  await drain(jobs, { tasks: [performTask] });
  assert.deepEqual(
    ran.toSorted((left, right) => left - right),
    [2, 3, 3],
  );
  assert.equal((await jobs.deadLetters.list({ task: "note" })).length, 1);

  const { promise, resolve } = Promise.withResolvers<void>();
  const worker = await jobs.startWorker({ tasks: [perform(task, () => resolve())] });
  await jobs.enqueue(task, { n: 4 });
  await promise;
  await worker.stop({ deadlineMs: 10_000 });
  await jobs.close();
}

async function movesJobs(): Promise<void> {
  const jobs = createJobs({ connection: urls.jobs, outbox: { connection: pool } });
  await jobs.migrateOutbox();
  const task = defineTask("moved", { payload: z.object({ n: z.number() }) });
  const ran: number[] = [];
  const all = Promise.withResolvers<void>();
  const worker = await jobs.startWorker({
    tasks: [
      perform(task, ({ n }) => {
        ran.push(n);
        if (n === 49) all.resolve();
      }),
    ],
    concurrency: 1,
  });
  const client = await pool.connect();
  for (let n = 0; n < 50; n += 1) {
    await client.query("begin");
    await jobs.enqueue(task, { n }, { tx: client });
    await client.query(n % 2 === 1 ? "commit" : "rollback");
  }
  client.release();
  await all.promise;
  await worker.stop({ deadlineMs: 10_000 });
  await jobs.close();
  assert.deepEqual(
    ran.toSorted((left, right) => left - right),
    Array.from({ length: 25 }, (_, index) => 2 * index + 1),
  );
}
