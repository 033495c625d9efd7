import { startProxy } from "@acme/test-postgres";
import { Pool, type PoolClient, type QueryConfig } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform } from "../../src/index.ts";
import { recordStatements, type Statement } from "../support/recorded-statements.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("task", { payload: z.object({}) });
const quick = { heartbeatMs: 100, deadAfterMs: 2_000, pollIntervalMs: 20, migrate: false };
const patiently = { timeout: 15_000 };

/** A worker that has run one job over the pool. */
async function startWorker(test: TestJobs, pool: Pool) {
  const jobs = createJobs({ connection: pool, logger: collectInto([]) });
  const attempts: number[] = [];
  const run = perform(task, (_, { attempt }) => void attempts.push(attempt));
  const worker = await jobs.startWorker({ ...quick, concurrency: 1, tasks: [run] });
  await test.jobs.enqueue(task, {});
  await expect.poll(() => attempts, patiently).toEqual([1]);
  await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);
  return {
    attempts,
    /** Before the database is gone: until then, it may have jobs that the worker does not know of. */
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await pool.end();
    },
  };
}

/** Resolves when the worker has looked for locks that it does not know of. */
async function lookedForLocks(statements: readonly Statement[], from: number): Promise<void> {
  const isLook = ({ text }: Statement) => text.includes("graphile_worker.jobs where locked_by = $1");
  await expect.poll(() => statements.slice(from).some(isLook), patiently).toBe(true);
  // Answered by then, since every heartbeat brings some.
  const soon = statements.length + 3;
  await expect.poll(() => statements.length, patiently).toBeGreaterThan(soon);
}

/** How many sessions wait for a lock in a question for jobs. */
async function askingCount({ jobsPool }: TestJobs): Promise<number | null> {
  const { rowCount } = await jobsPool.query(
    `select from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and query like '/* pool-%'`,
  );
  return rowCount;
}

/** Once it is asked to, keeps the next question for jobs on its way, while its client believes the connection to be lost. */
function keepQuestion(pool: Pool) {
  let kept: QueryConfig | undefined;
  let isAsked = false;
  pool.on("connect", (client: PoolClient) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    client.query = (async (...args: [string | QueryConfig]) => {
      const [config] = args;
      if (!isAsked || typeof config === "string" || !config.text.startsWith("/* pool-")) return query(...args);
      isAsked = false;
      kept = config;
      throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    }) as typeof client.query;
  });
  return async () => {
    isAsked = true;
    await expect.poll(() => kept, patiently).toBeDefined();
    return kept!;
  };
}

describe("a question for jobs whose connection is lost", { timeout: 60_000 }, () => {
  it("keeps no job from running, though it waits for a lock until the worker has looked for lost ones", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    const pool = new Pool({ connectionString: proxy.url });
    const statements = recordStatements(pool);
    await using worker = await startWorker(test, pool);
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_jobs in share row exclusive mode");
    await test.jobs.enqueue(task, {}, { tx: holder, runAt: new Date(0) });
    await expect.poll(() => askingCount(test), patiently).toBe(1);
    const from = statements.length;
    proxy.cutAll();
    await lookedForLocks(statements, from);
    await expect.poll(() => askingCount(test), patiently).toBe(2);

    await holder.query("commit");
    holder.release();

    await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);
    expect(worker.attempts).toEqual([1, 1]);
  });

  it("keeps no job from running, though it arrives after the worker has looked for lost ones", async () => {
    await using test = await createTestJobs();
    const pool = new Pool({ connectionString: test.jobsUrl });
    const loseQuestion = keepQuestion(pool);
    const statements = recordStatements(pool);
    await using worker = await startWorker(test, pool);
    const from = statements.length;
    const question = await loseQuestion();
    await lookedForLocks(statements, from);

    const late = await test.jobsPool.connect();
    await late.query("begin");
    await test.jobs.enqueue(task, {}, { tx: late, runAt: new Date(0) });
    expect((await late.query(question)).rowCount).toBe(1);
    await late.query("commit");
    late.release();

    await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);
    expect(worker.attempts).toEqual([1, 1]);
  });
});
