import { expect, it } from "vitest";
import { z } from "zod";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform, retry } from "../../src/index.ts";
import { startFarProxy } from "../support/far-proxy.ts";

const payload = z.object({ text: z.string() });
const keyed = defineTask("keyed", { payload });
const filler = defineTask("filler", { payload });
const busy = defineTask("busy", { payload });

it("an older job of a key does not begin after a newer one has run elsewhere, although it was fetched before", async () => {
  await using test = await createTestJobs();
  await using others = createJobs({ connection: test.jobsUrl, logger: collectInto([]) });
  const ran: string[] = [];
  const gates = { one: Promise.withResolvers<void>(), other: Promise.withResolvers<void>() };
  const note = ({ text }: { text: string }) => void ran.push(text);
  const waiting = (gate: Promise<void>) => async (job: { text: string }) => {
    note(job);
    if (job.text === "wait") await gate;
  };
  const one = await test.jobs.startWorker({
    tasks: [perform(filler, waiting(gates.one.promise)), perform(keyed, note)],
    concurrency: 1,
  });
  const other = await others.startWorker({
    tasks: [perform(busy, waiting(gates.other.promise)), perform(keyed, note)],
    concurrency: 1,
    prefetch: 0,
  });
  // Short ones: the worker fetches ahead from now on.
  await test.jobs.enqueueMany(
    filler,
    Array.from({ length: 30 }, () => ({ text: "short" })),
  );
  await test.jobs.enqueue(busy, { text: "wait" });
  await expect.poll(() => ran.length).toBe(31);
  const client = await test.jobsPool.connect();
  await client.query("begin");
  await test.jobs.enqueue(filler, { text: "wait" }, { tx: client });
  await test.jobs.enqueue(keyed, { text: "old" }, { tx: client, key: "k" });
  await client.query("commit");
  client.release();
  await expect.poll(() => ran.length, { interval: 5 }).toBe(32);
  const isFetched = "select from graphile_worker.jobs where task_identifier = 'keyed' and locked_at is not null";
  await expect.poll(async () => (await test.jobsPool.query(isFetched)).rowCount, { interval: 5 }).toBe(1);

  await test.jobs.enqueue(keyed, { text: "new" }, { key: "k" });
  gates.other.resolve();
  await expect.poll(() => ran, { interval: 5 }).toContain("new");
  gates.one.resolve();

  await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  expect(ran.at(-1)).toBe("new");
  await Promise.all([one.stop(), other.stop()]);
});

const isLocked =
  "select from graphile_worker.jobs where task_identifier = 'keyed' and locked_at is not null and key is not null";

it("an older job of a key does not begin after a newer one has run elsewhere, although the network is slow", async () => {
  await using test = await createTestJobs();
  await using far = await startFarProxy(test.jobsUrl, 30);
  await using farJobs = createJobs({ connection: far.url, logger: collectInto([]) });
  const ran: string[] = [];
  const isBusy = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const hold = async () => {
    isBusy.resolve();
    await gate.promise;
  };
  const near = await test.jobs.startWorker({
    tasks: [perform(busy, hold), perform(keyed, ({ text }) => void ran.push(`near ${text}`))],
    concurrency: 1,
  });
  await test.jobs.enqueue(busy, { text: "" });
  await isBusy.promise;
  const distant = await farJobs.startWorker({ tasks: [perform(keyed, ({ text }) => void ran.push(`far ${text}`))] });
  await expect.poll(() => distant.state).toBe("running");

  await test.jobs.enqueue(keyed, { text: "old" }, { key: "k" });
  await expect.poll(async () => (await test.jobsPool.query(isLocked)).rowCount, { interval: 1 }).toBe(1);
  await test.jobs.enqueue(keyed, { text: "new" }, { key: "k" });
  gate.resolve();

  await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  expect(ran.at(-1)).toMatch(/new$/);
  await Promise.all([near.stop(), distant.stop()]);
});

it("an older job of a key does not begin after a newer one, though its attempt has waited for the database", async () => {
  await using test = await createTestJobs();
  const policy = retry.fixed({ attempts: 5, delayMs: 100 });
  const failing = defineTask("keyed", { payload, retry: policy });
  const ran: string[] = [];
  const run = ({ text }: { text: string }, { attempt }: { attempt: number }) => {
    ran.push(`${text} ${attempt}`);
    if (text === "old") throw new Error("not yet");
  };
  const worker = await test.jobs.startWorker({ tasks: [perform(failing, run)] });
  const client = await test.jobsPool.connect();
  await client.query("begin");
  // The second attempt waits for the table in which it is counted.
  await test.jobs.enqueue(failing, { text: "old" }, { key: "k" });
  await expect.poll(() => ran).toEqual(["old 1"]);
  const isSettled = "select from acme_jobs.failures where is_settled for update skip locked";
  await expect.poll(async () => (await client.query(isSettled)).rowCount, { interval: 2 }).toBe(1);
  await expect.poll(async () => (await test.jobsPool.query(isLocked)).rowCount, { interval: 2 }).toBe(1);

  await test.jobs.enqueue(failing, { text: "new" }, { key: "k" });
  await expect.poll(() => ran).toContain("new 1");
  await client.query("commit");
  client.release();

  await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  expect(ran).toEqual(["old 1", "new 1"]);
  await worker.stop();
});

const waysToAdd: [string, (test: TestJobs, text: string) => Promise<unknown>][] = [
  ["its schema has taken its time", ({ jobs }, text) => jobs.enqueue(keyed, { text }, { key: "k" })],
  [
    "both were added by plain SQL",
    ({ jobsPool }, text) => jobsPool.query("select graphile_worker.add_job('keyed', $1, job_key => 'k')", [{ text }]),
  ],
];

it.each(waysToAdd)("an older job of a key does not begin after a newer one, though %s", async (_, add) => {
  await using test = await createTestJobs();
  const gate = Promise.withResolvers<void>();
  const isChecking = Promise.withResolvers<void>();
  const checked = payload.refine(async ({ text }) => {
    if (text === "new") return true;
    isChecking.resolve();
    await gate.promise;
    return true;
  });
  const ran: string[] = [];
  const slow = defineTask("keyed", { payload: checked });
  const worker = await test.jobs.startWorker({ tasks: [perform(slow, ({ text }) => void ran.push(text))] });

  await add(test, "old");
  await isChecking.promise;
  await add(test, "new");
  await expect.poll(() => ran).toEqual(["new"]);
  gate.resolve();

  await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  expect(ran).toEqual(["new"]);
  await worker.stop();
});
