import type { Pool, PoolClient, QueryConfig } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform, retry, snooze } from "../../src/index.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

const payload = z.object({});
const short = defineTask("short", { payload });
const long = defineTask("long", { payload });
const task = defineTask("task", { payload, retry: retry.fixed({ attempts: 3, delayMs: 10 }) });
const quick = { heartbeatMs: 100, deadAfterMs: 500, pollIntervalMs: 20, migrate: false };
const patiently = { timeout: 15_000 };

/** Carries out the first statement of that name, keeps its answer, and loses it at last with its connection. */
function keepAnswer(pool: Pool, name: RegExp) {
  const lost = Promise.withResolvers<void>();
  let isKept = false;
  let isAnswered = false;
  pool.on("connect", (client: PoolClient) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const keep = async (config: QueryConfig) => {
      isKept = true;
      await query(config);
      isAnswered = true;
      await lost.promise;
      throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    };
    client.query = ((...args: [string | QueryConfig]) => {
      const [config] = args;
      const isMeant = !isKept && typeof config === "object" && name.test(config.name ?? "");
      return isMeant ? keep(config) : query(...args);
    }) as typeof client.query;
  });
  return {
    async carriedOut() {
      await expect.poll(() => isAnswered, patiently).toBe(true);
    },
    lose: lost.resolve,
    [Symbol.dispose]: lost.resolve,
  };
}

const lockedTasks = async ({ jobsPool }: TestJobs) =>
  (
    await jobsPool.query("select task_identifier as name from graphile_worker.jobs where locked_at is not null")
  ).rows.map(({ name }) => String(name));

describe("a job that its worker has again before the answer to the older release is lost", { timeout: 60_000 }, () => {
  it("is not given away while it runs, if it had been returned", async () => {
    await using test = await createTestJobs();
    using answer = keepAnswer(test.jobsPool, /return_job/);
    await using jobs = createJobs({ connection: test.jobsPool, logger: collectInto([]) });
    const [longOnes, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const begunIn: string[] = [];
    const runIn = (where: string) =>
      perform(task, () => {
        begunIn.push(where);
        return ended.promise;
      });
    const tasks = [perform(short, () => undefined), perform(long, () => longOnes.promise), runIn("its worker")];
    await using worker = await jobs.startWorker({ ...quick, tasks, concurrency: 2, pollIntervalMs: 3_600_000 });
    // Only beside short jobs some are taken before there is room to run them.
    await test.jobs.enqueueMany(
      short,
      Array.from({ length: 300 }, () => ({})),
    );
    await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);
    await test.jobs.enqueueMany(long, [{}, {}]);
    await test.jobs.enqueue(task, {});
    await answer.carriedOut();
    longOnes.resolve();
    await expect.poll(() => lockedTasks(test), patiently).toEqual(["task"]);

    await using other = await test.jobs.startWorker({ ...quick, tasks: [runIn("another one")] });
    // For the room that the worker has when the answer is lost.
    const next = await test.jobs.enqueue(long, {}, { priority: -1 });
    answer.lose();
    await expect.poll(() => begunIn, patiently).toContain("its worker");
    await expect.poll(async () => (await test.jobs.admin.get(next))?.in, patiently).toBeUndefined();
    ended.resolve();

    await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);
    expect(begunIn).toEqual(["its worker"]);
    await Promise.all([worker.stop(), other.stop()]);
  });

  it("does not run once more after it was done, if it had been put off", async () => {
    await using test = await createTestJobs();
    using answer = keepAnswer(test.jobsPool, /fail_job/);
    await using jobs = createJobs({ connection: test.jobsPool, logger: collectInto([]) });
    const ended = Promise.withResolvers<void>();
    const begun: number[] = [];
    const run = perform(task, async (_, { attempt }) => {
      if (begun.push(attempt) === 1) throw snooze(10);
      await ended.promise;
    });
    await using worker = await jobs.startWorker({ ...quick, tasks: [run] });
    await test.jobs.enqueue(task, {});
    await answer.carriedOut();
    const settled = "select from acme_jobs.failures where is_settled";
    await expect.poll(async () => (await test.jobsPool.query(settled)).rowCount, patiently).toBe(1);
    await expect.poll(() => lockedTasks(test), patiently).toEqual(["task"]);

    answer.lose();
    await expect.poll(() => begun, patiently).toEqual([1, 1]);
    ended.resolve();

    await expect.poll(() => storedJobs(test.jobsPool), patiently).toEqual([]);
    expect(begun).toEqual([1, 1]);
    await worker.stop();
  });
});
