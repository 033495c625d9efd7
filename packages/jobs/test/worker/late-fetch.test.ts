import { startProxy } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform } from "../../src/index.ts";
import { recordStatements } from "../support/recorded-statements.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("task", { payload: z.object({}) });
const quick = { heartbeatMs: 100, deadAfterMs: 2_000, pollIntervalMs: 20, migrate: false };
const patiently = { timeout: 15_000 };

/** How many sessions wait for a lock in a question for jobs. */
async function askingCount({ jobsPool }: TestJobs): Promise<number | null> {
  const { rowCount } = await jobsPool.query(
    `select from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and query like '/* pool-%'`,
  );
  return rowCount;
}

describe("a question for jobs whose connection is lost while it waits for a lock", { timeout: 60_000 }, () => {
  it("keeps no job from running, though it locks one after the worker has looked for such", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    const pool = new Pool({ connectionString: proxy.url });
    onTestFinished(() => pool.end());
    const statements = recordStatements(pool);
    await using jobs = createJobs({ connection: pool, logger: collectInto([]) });
    const attempts: number[] = [];
    const run = perform(task, (_, { attempt }) => void attempts.push(attempt));
    await using worker = await jobs.startWorker({ ...quick, concurrency: 1, tasks: [run] });
    await test.jobs.enqueue(task, {});
    await expect.poll(() => attempts, patiently).toEqual([1]);
    await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);

    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_jobs in share row exclusive mode");
    await test.jobs.enqueue(task, {}, { tx: holder, runAt: new Date(0) });
    await expect.poll(() => askingCount(test), patiently).toBe(1);
    proxy.cutAll();
    const from = statements.length;
    const since = (text: string) => statements.slice(from).findIndex((statement) => statement.text.includes(text));
    await expect.poll(() => since("graphile_worker.jobs where locked_by = $1"), patiently).toBeGreaterThan(-1);
    // Answered by then, since every heartbeat brings some.
    const soon = statements.length + 3;
    await expect.poll(() => statements.length, patiently).toBeGreaterThan(soon);
    await expect.poll(() => askingCount(test), patiently).toBe(2);
    await holder.query("commit");
    holder.release();

    await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);
    expect(attempts).toEqual([1, 1]);
    await worker.stop();
  });
});
