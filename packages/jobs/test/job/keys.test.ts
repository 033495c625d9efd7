import { expect, it } from "vitest";
import { z } from "zod";
import { collectInto, createTestJobs, storedJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform } from "../../src/index.ts";

const payload = z.object({ text: z.string() });
const keyed = defineTask("keyed", { payload });
const filler = defineTask("filler", { payload });
const busy = defineTask("busy", { payload });

it("an older job of a key does not begin after a newer one has run elsewhere, though it was fetched before", async () => {
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
