import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { defineTask, perform, retry, type AttemptContext, type WorkerOptions } from "../../src/index.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }), retry: retry.never });
const numbered = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const noPoll = { pollIntervalMs: 3_600_000 };

async function work(
  test: TestJobs,
  run: (n: number, context: AttemptContext) => unknown,
  options: Partial<WorkerOptions> = {},
) {
  const begun: { n: number; attempt: number }[] = [];
  const worker = await test.jobs.startWorker({
    tasks: [
      perform(task, ({ n }, context) => {
        begun.push({ n, attempt: context.attempt });
        return run(n, context);
      }),
    ],
    ...options,
  });
  onTestFinished(() => worker.stop({ deadlineMs: 0 }));
  return { worker, begun };
}

/** A worker that fetches jobs ahead, because its last jobs were short. Later jobs wait for the gate. */
async function workThatWasShort(test: TestJobs, options: Partial<WorkerOptions>) {
  const gate = Promise.withResolvers<void>();
  const { worker, begun } = await work(test, (n) => (n < 0 ? undefined : gate.promise), options);
  await test.jobs.enqueueMany(
    task,
    Array.from({ length: 300 }, () => ({ n: -1 })),
  );
  await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  begun.length = 0;
  return { worker, begun, gate };
}

const lockedCount = async (test: TestJobs) =>
  (await test.jobsPool.query("select 1 from graphile_worker.jobs where locked_at is not null")).rowCount;

describe("jobs that a worker has prefetched", () => {
  it("go to an idle worker when they have not begun within a second, with no attempt used", async () => {
    await using test = await createTestJobs();
    const { gate, ...busy } = await workThatWasShort(test, { concurrency: 1 });
    await test.jobs.enqueueMany(task, numbered(10));
    await expect.poll(() => lockedCount(test)).toBe(10);

    // It is told of them, as it would be of new ones.
    const idle = await work(test, () => undefined, { concurrency: 1, ...noPoll });

    await expect.poll(() => idle.begun.length, { timeout: 10_000 }).toBe(9);
    expect(busy.begun.length).toBe(1);
    expect([...busy.begun, ...idle.begun].every(({ attempt }) => attempt === 1)).toBe(true);
    gate.resolve();
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  });

  it("begin in the order of their priority, then of their times, whichever was enqueued first", async () => {
    await using test = await createTestJobs();
    const hourAgo = new Date(Date.now() - 3_600_000);
    await test.jobs.enqueueMany(task, numbered(10));
    await test.jobs.enqueue(task, { n: 10 }, { runAt: hourAgo });
    await test.jobs.enqueue(task, { n: 11 }, { priority: 1 });
    await test.jobs.enqueue(task, { n: 12 }, { priority: -1 });

    const { begun } = await work(test, () => undefined, { concurrency: 1 });

    await expect.poll(() => begun.map(({ n }) => n)).toEqual([12, 10, ...numbered(10).map(({ n }) => n), 11]);
  });

  it("go back when the worker stops, free and with no attempt used", async () => {
    await using test = await createTestJobs();
    const { worker, begun, gate } = await workThatWasShort(test, { concurrency: 2 });
    await test.jobs.enqueueMany(task, numbered(50));
    await expect.poll(() => lockedCount(test)).toBe(50);

    const stopped = worker.stop();
    gate.resolve();
    await stopped;

    const left = await storedJobs(test.jobsPool);
    expect([begun.length, left.length]).toEqual([2, 48]);
    expect(left.every(({ attempts }) => attempts === 0)).toBe(true);
    expect(await lockedCount(test)).toBe(0);
  });

  it("go back also if the worker fetched more of them while jobs were short", async () => {
    await using test = await createTestJobs();
    const gate = Promise.withResolvers<void>();
    await test.jobs.enqueueMany(task, numbered(4_000));

    const { begun } = await work(test, (n) => (n < 2_750 ? undefined : gate.promise), { concurrency: 1 });

    await expect.poll(() => begun.at(-1)?.n, { timeout: 10_000 }).toBe(2_750);
    // All but the one that runs.
    await expect.poll(() => lockedCount(test), { timeout: 10_000 }).toBe(1);
    const left = await storedJobs(test.jobsPool);
    expect(left.map(({ attempts }) => attempts).filter((attempts) => attempts > 0)).toEqual([1]);
    gate.resolve();
    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toEqual([]);
    expect(begun.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(numbered(4_000).map(({ n }) => n));
  });

  it("are not held up by jobs of a named queue that come before them", async () => {
    await using test = await createTestJobs();
    const gate = Promise.withResolvers<void>();
    const { begun } = await work(test, (n) => (n < 1_000 ? gate.promise : undefined), {
      concurrency: 5,
      prefetch: 10,
      ...noPoll,
    });
    // Once one has travelled by its notification alone, the worker is idle, and told of what follows once.
    for (const n of [2_000, 2_001]) await test.jobs.enqueue(task, { n });
    await expect.poll(() => begun.length).toBe(2);

    await test.jobsPool.query(`
      select graphile_worker.add_jobs(array(
        select json_populate_record(null::graphile_worker.job_spec, spec) from (
          select json_build_object('identifier', 't', 'payload', json_build_object('n', n), 'queue_name', 'q') as spec
          from generate_series(0, 99) as n
          union all select '{"identifier": "t", "payload": {"n": 1000}, "priority": 1}'
        ) as specs
      ))`);

    const begunSince = () =>
      begun
        .slice(2)
        .map(({ n }) => n)
        .toSorted((a, b) => a - b);
    await expect.poll(begunSince).toEqual([expect.any(Number), 1_000]);
    gate.resolve();
    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toEqual([]);
  });

  it("do not come back to life when a newer job has taken their key meanwhile", async () => {
    await using test = await createTestJobs();
    const { gate, ...busy } = await workThatWasShort(test, { concurrency: 1, prefetch: 2 });
    const tx = await test.jobsPool.connect();
    await tx.query("begin");
    await test.jobs.enqueue(task, { n: 0 }, { tx });
    await test.jobs.enqueue(task, { n: 1 }, { key: "k", tx });
    await tx.query("commit");
    tx.release();
    await expect.poll(() => lockedCount(test)).toBe(2);
    await test.jobs.enqueue(task, { n: 2 }, { key: "k" });
    // Jobs that have not begun within a second are returned.
    await expect.poll(() => lockedCount(test)).toBe(1);

    const idle = await work(test, () => undefined);

    await expect.poll(async () => (await storedJobs(test.jobsPool)).length).toBe(1);
    gate.resolve();
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect([...busy.begun, ...idle.begun].map(({ n }) => n)).toEqual([0, 2]);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it("are dropped, not run, when they come up again after a newer job has taken their key", async () => {
    await using test = await createTestJobs();
    const { worker, begun } = await work(test, () => undefined, { pollIntervalMs: 50 });
    await test.jobs.enqueue(task, { n: 0 });
    // The sweep that would find it has been.
    await expect.poll(() => begun.length).toBe(1);

    const client = await test.jobsPool.connect();
    await client.query("begin");
    await test.jobs.enqueue(task, { n: 1 }, { tx: client });
    await client.query("update graphile_worker._private_jobs set attempts = max_attempts - 1");
    await client.query("commit");
    client.release();

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    await worker.stop();
    expect(begun.map(({ n }) => n)).toEqual([0]);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it("are none if jobs are long or of unknown duration: each worker fetches as many as it begins, and idle workers get the rest", async () => {
    await using test = await createTestJobs();
    const gate = Promise.withResolvers<void>();
    await test.jobs.enqueueMany(task, numbered(20));

    const workers = await Promise.all(
      [1, 2, 3, 4].map(() => work(test, () => gate.promise, { concurrency: 5, ...noPoll })),
    );

    await expect.poll(() => workers.map(({ begun }) => begun.length)).toEqual([5, 5, 5, 5]);
    gate.resolve();
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  });

  it("begin as places become free, although they are not announced and the next poll is far off", async () => {
    await using test = await createTestJobs();
    const gates = numbered(12).map(() => Promise.withResolvers<void>());
    await test.jobs.enqueueMany(task, numbered(12));
    const { begun } = await work(test, (n) => gates[n]?.promise, { concurrency: 5, ...noPoll });
    await expect.poll(() => begun.length).toBe(5);

    for (const [n, gate] of gates.entries()) {
      gate.resolve();
      await expect.poll(() => begun.length).toBe(Math.min(12, 6 + n));
    }

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  });

  it("are none if each job is fetched by itself", async () => {
    await using test = await createTestJobs();
    const gate = Promise.withResolvers<void>();
    await test.jobs.enqueueMany(task, numbered(10));

    const { begun } = await work(test, () => gate.promise, { concurrency: 3, prefetch: 0 });

    await expect.poll(() => begun.length).toBe(3);
    expect(await lockedCount(test)).toBe(3);
    gate.resolve();
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  });
});
