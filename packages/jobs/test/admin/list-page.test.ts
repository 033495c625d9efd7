import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform, retry, type Jobs } from "../../src/index.ts";
import { addPlain } from "../support/add-plain.ts";
import { collectInto, createTestJobs } from "../support/test-jobs.ts";

const one = defineTask("one", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 60_000 }),
});
const two = defineTask("two", { payload: z.object({ n: z.number() }) });
const tomorrow = new Date(Date.now() + 86_400_000);

/** Runs the first attempt of a job, which fails, and waits until it waits for its next one. */
async function failOnce(jobs: Jobs, error: Error) {
  const worker = await jobs.startWorker({ tasks: [perform(one, () => Promise.reject(error))] });
  await expect.poll(async () => (await jobs.admin.list({ hasFailed: true, state: "scheduled" })).jobs).not.toEqual([]);
  await worker.stop();
}

describe("the list of jobs", () => {
  it("tells all of a job but its payload", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(one, { n: 1 }, { key: "k", queue: "q", priority: 3, runAt: tomorrow });

    const { jobs, next } = await test.jobs.admin.list();

    expect(next).toBeUndefined();
    expect(jobs).toEqual([
      {
        id,
        jobId: "1",
        task: "one",
        state: "scheduled",
        hasFailed: false,
        queue: "q",
        key: "one:k",
        priority: 3,
        runAt: tomorrow,
        enqueuedAt: expect.any(Date) as Date,
        attempts: 0,
        lastError: null,
        lockedAt: null,
        lockedBy: null,
        origin: {},
      },
    ]);
  });

  it("tells jobs that plain SQL has added, and those that a plain Graphile Worker has failed for good", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("select graphile_worker.add_job('plain', '{}', max_attempts := 1)");
    await test.jobsPool.query("select graphile_worker.permanently_fail_jobs(array[1], 'disk full')");

    const { jobs } = await test.jobs.admin.list({ state: "failed" });

    expect(jobs).toMatchObject([
      { id: undefined, task: "plain", state: "failed", hasFailed: true, lastError: "disk full" },
    ]);
  });

  it("has the origin of a job, from its flags", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(
      "select graphile_worker.add_job('one', flags := array['acme:id:x', 'acme:request:r-1', 'acme:event:order/paid/7'])",
    );

    const { jobs } = await test.jobs.admin.list();

    expect(jobs).toMatchObject([{ id: "x", origin: { requestId: "r-1", eventType: "order/paid", eventId: "7" } }]);
  });

  it("tells a failed attempt, and forgets it when the job is a new one", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(one, { n: 1 }, { key: "k" });
    await test.jobs.enqueue(two, { n: 1 });

    await failOnce(test.jobs, new TypeError("100% Broken_pipe"));
    const failed = await test.jobs.admin.list({ hasFailed: true });
    const byScan = await test.jobs.admin.list({ error: "% broken_P" });
    const unlike = await test.jobs.admin.list({ error: "brokenXpipe" });
    const others = await test.jobs.admin.list({ hasFailed: false });
    await test.jobs.enqueue(one, { n: 2 }, { key: "k" });
    const replaced = await test.jobs.admin.list({ task: "one" });

    expect(failed.jobs).toMatchObject([{ id, hasFailed: true, lastError: "100% Broken_pipe", attempts: 1 }]);
    expect(byScan).toEqual(failed);
    expect(unlike.jobs).toEqual([]);
    expect(others.jobs).toMatchObject([{ task: "two", hasFailed: false, lastError: null }]);
    expect(replaced.jobs).toMatchObject([{ jobId: failed.jobs[0]?.jobId, hasFailed: false, lastError: null }]);
    expect((await test.jobs.admin.list({ hasFailed: true })).jobs).toEqual([]);
  });

  it.each([
    ["task", { task: "two" }, [2]],
    ["state due", { state: "due" }, [1, 3]],
    ["state scheduled", { state: "scheduled" }, [2]],
    ["state locked", { state: "locked" }, [4]],
    ["queue", { queue: "q" }, [3]],
    ["key", { key: "one:k" }, [1]],
    ["enqueuedBefore", { enqueuedBefore: new Date(Date.now() - 3_600_000) }, [1]],
    ["enqueuedAfter", { enqueuedAfter: new Date(Date.now() - 3_600_000), task: "one" }, [3, 4]],
  ] as const)("takes those that fit %s", async (_, filter, expected) => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(one, { n: 1 }, { key: "k" });
    await test.jobs.enqueue(two, { n: 1 }, { runAt: tomorrow });
    await test.jobs.enqueue(one, { n: 1 }, { queue: "q" });
    await test.jobs.enqueue(one, { n: 1 });
    await test.jobsPool.query(
      "update graphile_worker._private_jobs set locked_at = now(), locked_by = 'w' where id = 4",
    );
    await test.jobsPool.query(
      "update graphile_worker._private_jobs set created_at = now() - interval '1 day' where id = 1",
    );

    const { jobs } = await test.jobs.admin.list(filter);

    expect(jobs.map(({ jobId }) => Number(jobId))).toEqual(expected);
  });

  it("comes in pages that have each job once, also where jobs come and go between them", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueueMany(
      one,
      Array.from({ length: 25 }, (__, n) => ({ n })),
    );

    const first = await test.jobs.admin.list({ limit: 10 });
    await test.jobsPool.query("select from graphile_worker.complete_jobs(array[3, 10, 12]::bigint[])");
    await test.jobs.enqueue(one, { n: 26 });
    const second = await test.jobs.admin.list({ limit: 10, after: first.next! });
    const third = await test.jobs.admin.list({ limit: 10, after: second.next! });

    const numbers = [first, second, third].flatMap(({ jobs }) => jobs.map(({ jobId }) => Number(jobId)));
    expect(numbers).toEqual([...Array.from({ length: 11 }, (_, n) => n + 1), ...numbers.slice(11)]);
    expect(numbers).toHaveLength(25);
    expect(third.next).toBeUndefined();
  });

  it("looks at a limited number of jobs for a page, and goes on behind them", async () => {
    await using test = await createTestJobs();
    await addPlain(test.jobsPool, "common", 50_000);
    await addPlain(test.jobsPool, "rare", 1);

    const first = await test.jobs.admin.list({ task: "rare" });
    const second = await test.jobs.admin.list({ task: "rare", after: first.next! });

    expect(first).toEqual({ jobs: [], next: "50000" });
    expect(second).toMatchObject({ jobs: [{ task: "rare" }], next: undefined });
  });

  it.each([
    { limit: 0 },
    { limit: 1.5 },
    { limit: 1_001 },
    { after: "x" },
    { after: "9223372036854775808" },
    { after: "-1" },
    { state: "dead" },
    { hasFailed: "yes" },
    { task: "" },
    { error: "\0" },
    { error: "x".repeat(1_001) },
    { enqueuedBefore: new Date(NaN) },
    { tsk: "one" },
  ])("refuses %o", async (filter) => {
    await using jobs = createJobs({ connection: "postgres://nobody@localhost:1/none", logger: collectInto([]) });

    await expect(jobs.admin.list(filter as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
  });

  it("says that the tables are missing, and that the database cannot be reached", async () => {
    await using test = await createTestJobs();
    await using away = createJobs({ connection: "postgres://nobody@localhost:1/none", logger: collectInto([]) });
    await test.jobsPool.query("drop schema graphile_worker cascade");

    await expect(test.jobs.admin.list()).rejects.toMatchObject({ code: "MIGRATION_MISSING" });
    await expect(away.admin.list()).rejects.toMatchObject({ code: "JOBS_DATABASE_UNREACHABLE" });
  });
});
