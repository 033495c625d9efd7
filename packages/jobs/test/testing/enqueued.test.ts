import { createTestDatabase } from "@acme/test-postgres";
import createKnex from "knex";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs, migrateOutbox, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, NonRetryableError, perform } from "../../src/index.ts";
import { drain, enqueued } from "../../src/testing/index.ts";

const bill = defineTask("bill/paid", { payload: z.object({ n: z.number(), currency: z.string().default("EUR") }) });
const mail = defineTask("mail", { payload: z.object({ to: z.string() }) });

const payloads = async (jobs: TestJobs["jobs"]) => (await enqueued(jobs, bill)).map(({ payload }) => payload.n);

describe.each([
  ["beside the data", false],
  ["in another database", true],
])("enqueued, with jobs %s,", (_, outbox) => {
  it("lists the jobs of a task with what enqueue was given, in the order of enqueueing", async () => {
    await using test = await createTestJobs({ outbox });
    const runAt = new Date("2099-05-06T07:08:09.123Z");
    const before = Date.now();
    const late = await test.jobs.enqueue(bill, { n: 1 }, { runAt, queue: "q", key: "a:b", priority: -3 });
    await test.jobs.enqueue(mail, { to: "ada" });
    const numbers = Array.from({ length: 100 }, (_each, index) => index + 2);
    const ids = await test.jobs.enqueueMany(
      bill,
      numbers.map((n) => ({ n })),
    );

    const [first, ...others] = await enqueued(test.jobs, bill);

    expect(first).toEqual({
      id: late,
      task: "bill/paid",
      payload: { n: 1, currency: "EUR" },
      runAt,
      queue: "q",
      key: "a:b",
      priority: -3,
      attempts: 0,
    });
    expect(others.map(({ id }) => id)).toEqual(ids);
    expect(others.map(({ payload }) => payload.n)).toEqual(numbers);
    expect(others[0]).toMatchObject({ payload: { currency: "EUR" }, queue: null, key: null, priority: 0 });
    // The clocks of two processes, and whole milliseconds.
    expect(Math.abs(Number(others[0]?.runAt) - before)).toBeLessThan(5_000);
    expect((await enqueued(test.jobs)).slice(0, 3).map(({ task }) => task)).toEqual(["bill/paid", "mail", "bill/paid"]);
  });

  it("sees with tx what a transaction has not committed yet, and without it does not", async () => {
    await using test = await createTestJobs({ outbox });
    const client = await test.dataPool.connect();
    await client.query("begin isolation level repeatable read");
    await test.jobs.enqueue(bill, { n: 1 }, { tx: client });

    expect(await enqueued(test.jobs, bill, { tx: client })).toMatchObject([{ payload: { n: 1 } }]);
    expect(await enqueued(test.jobs, { tx: client })).toHaveLength(1);
    expect(await enqueued(test.jobs, bill)).toEqual([]);

    await client.query("rollback");
    client.release();
    expect(await enqueued(test.jobs, bill)).toEqual([]);
  });
});

describe("enqueued", () => {
  it("lists rows of the outbox and jobs together, once each, and none that is done or dead", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueueMany(bill, [{ n: 1 }, { n: 2 }]);
    await test.jobs.enqueueMany(mail, [{ to: "nobody" }, { to: "ada" }]);
    const sending = perform(mail, ({ to }) => {
      if (to === "nobody") throw new NonRetryableError("broken");
    });
    await drain(test.jobs, { tasks: [sending] });
    await test.jobs.enqueue(bill, { n: 3 });

    expect(await payloads(test.jobs)).toEqual([1, 2, 3]);
    expect(await enqueued(test.jobs)).toHaveLength(3);
  });

  it("lists what a process enqueues that has only an outbox", async () => {
    await using database = await createTestDatabase();

    await migrateOutbox(database.url);
    await using jobs = createJobs({ outbox: { connection: database.url } });
    await jobs.enqueue(bill, { n: 1 });

    expect(await payloads(jobs)).toEqual([1]);
  });

  it("sees with tx both kinds if the outbox is in the database of the jobs", async () => {
    await using test = await createTestJobs();
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: test.jobsUrl } });
    await using elsewhere = createJobs({ outbox: { connection: test.jobsUrl } });
    await jobs.migrate();
    const client = await test.jobsPool.connect();
    await client.query("begin");
    await elsewhere.enqueue(bill, { n: 1 }, { tx: client });
    await jobs.enqueue(bill, { n: 2 }, { tx: client });

    expect(await enqueued(jobs, bill, { tx: client })).toMatchObject([{ payload: { n: 1 } }, { payload: { n: 2 } }]);
    expect(await payloads(jobs)).toEqual([]);

    await client.query("rollback");
    client.release();
  });

  it("lists a job that runs, with how often a worker has taken it, and the last of those with one key", async () => {
    await using test = await createTestJobs();
    const letGo = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const held = perform(bill, () => {
      begun.resolve();
      return letGo.promise;
    });
    await test.jobs.enqueue(bill, { n: 1 }, { key: "k" });
    await using worker = await test.jobs.startWorker({ tasks: [held] });
    await begun.promise;

    expect(await enqueued(test.jobs, bill)).toMatchObject([{ payload: { n: 1 }, attempts: 1 }]);
    await test.jobs.enqueue(bill, { n: 2 }, { key: "k", runAt: new Date("2099-01-01") });
    expect(await payloads(test.jobs)).toEqual([2]);

    letGo.resolve();
    await worker.stop();
  });

  it("lists jobs that plain SQL has added, with their idempotency key as id", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("select graphile_worker.add_job('mail', '{\"to\":\"x\"}', job_key := 'plain')");
    await test.jobs.enqueue(mail, { to: "y" });
    const ran: string[] = [];

    const listed = await enqueued(test.jobs, mail);
    await drain(test.jobs, { tasks: [perform(mail, (_, { idempotencyKey }) => void ran.push(idempotencyKey))] });

    expect(listed).toMatchObject([
      { payload: { to: "x" }, key: "plain" },
      { payload: { to: "y" }, key: null },
    ]);
    expect(listed.map(({ id }) => id).toSorted()).toEqual(ran.toSorted());
  });

  it("looks through a transaction of knex", async () => {
    await using test = await createTestJobs();
    const knex = createKnex({ client: "pg", connection: test.dataUrl });
    const listed = await knex.transaction(async (tx) => {
      await test.jobs.enqueue(bill, { n: 1 }, { tx, key: "k" });
      return enqueued(test.jobs, bill, { tx });
    });
    await knex.destroy();

    expect(listed).toMatchObject([{ payload: { n: 1 }, key: "k" }]);
  });

  it("refuses what is no task, no option and no transaction", async () => {
    await using test = await createTestJobs();
    const listLoosely = enqueued as (...given: readonly unknown[]) => Promise<unknown>;

    await expect(listLoosely(test.jobs, undefined)).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
    await expect(listLoosely(test.jobs, "mail")).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
    await expect(listLoosely(test.jobs, mail, { tz: 1 })).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    await expect(listLoosely(test.jobs, { limit: 1 })).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    await expect(listLoosely(test.jobs, mail, { tx: undefined })).rejects.toMatchObject({
      code: "TRANSACTION_INVALID",
    });
    await expect(listLoosely(test.jobs, mail, { tx: test.jobsPool })).rejects.toMatchObject({
      code: "TRANSACTION_INVALID",
    });
  });
});
