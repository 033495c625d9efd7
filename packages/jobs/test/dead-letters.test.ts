import { describe, expect, it } from "vitest";
import { z } from "zod";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "./support/test-jobs.ts";
import { createJobs, defineTask, NonRetryableError, perform, retry } from "../src/index.ts";
import { drain } from "../src/testing/index.ts";

const task = defineTask("t", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 60_000 }),
});

/** Adds a job that ends as a dead letter. */
async function deadLetterOf(test: TestJobs, n: number, error: Error = new NonRetryableError("broken")) {
  const id = await test.jobs.enqueue(task, { n }, { queue: "q", priority: 3 });
  await drain(test.jobs, { tasks: [perform(task, () => Promise.reject(error))] });
  return id;
}

describe("dead letters", () => {
  it("keep task, payload, queue, priority and the history of every attempt", async () => {
    await using test = await createTestJobs();

    const id = await deadLetterOf(test, 1, new TypeError("each time"));

    const [letter] = await test.jobs.deadLetters.list();
    expect(letter).toMatchObject({ id, task: "t", payload: { n: 1 }, queue: "q", priority: 3, attempts: 3 });
    expect(letter?.errors.map(({ attempt, name, message }) => [attempt, name, message])).toEqual([
      [1, "TypeError", "each time"],
      [2, "TypeError", "each time"],
      [3, "TypeError", "each time"],
    ]);
    expect(letter?.diedAt.getTime()).toBeGreaterThanOrEqual(letter?.enqueuedAt.getTime() ?? Infinity);
  });

  it("are listed latest first, by task, up to a limit", async () => {
    await using test = await createTestJobs();
    const ids = [await deadLetterOf(test, 1), await deadLetterOf(test, 2), await deadLetterOf(test, 3)];

    const latest = await test.jobs.deadLetters.list({ limit: 2 });

    expect(latest.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    expect(await test.jobs.deadLetters.list({ task: "other" })).toEqual([]);
  });

  it("become jobs again with all their attempts and the same idempotencyKey", async () => {
    await using test = await createTestJobs();
    const id = await deadLetterOf(test, 1);
    const runs: [number, string][] = [];

    await test.jobs.deadLetters.retry(id);
    await drain(test.jobs, {
      tasks: [perform(task, (_, { attempt, idempotencyKey }) => void runs.push([attempt, idempotencyKey]))],
    });

    expect(runs).toEqual([[1, id]]);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it("keep a payload that plain SQL has added to the letter, including numbers beyond JavaScript's", async () => {
    await using test = await createTestJobs();
    const payload = '{"n": 1, "amount": 12345678901234567.10}';
    await test.jobsPool.query("select graphile_worker.add_job('t', $1::json)", [payload]);
    await drain(test.jobs, { tasks: [perform(task, () => Promise.reject(new NonRetryableError("broken")))] });

    const [letter] = await test.jobs.deadLetters.list();
    await test.jobs.deadLetters.retry(letter!.id);

    const { rows } = await test.jobsPool.query("select payload::text from graphile_worker._private_jobs");
    expect(rows).toEqual([{ payload }]);
  });

  it("keep the errors from before a retry if their jobs fail for good again", async () => {
    await using test = await createTestJobs();
    const id = await deadLetterOf(test, 1, new TypeError("before"));

    await test.jobs.deadLetters.retry(id);
    await drain(test.jobs, { tasks: [perform(task, () => Promise.reject(new RangeError("after")))] });

    const [letter] = await test.jobs.deadLetters.list();
    expect(letter).toMatchObject({ id, attempts: 3, reason: "after" });
    expect(letter?.errors.map(({ attempt, message, isBeforeRetry }) => [attempt, message, isBeforeRetry])).toEqual([
      [1, "before", true],
      [2, "before", true],
      [3, "before", true],
      [1, "after", undefined],
      [2, "after", undefined],
      [3, "after", undefined],
    ]);
  });

  it("keep their key, and are not retried while a newer job has it", async () => {
    await using test = await createTestJobs();
    const key = "order 1";
    const id = await test.jobs.enqueue(task, { n: 1 }, { key });
    const broken = perform(task, () => Promise.reject(new NonRetryableError("broken")));
    await drain(test.jobs, { tasks: [broken] });
    const seen: number[] = [];
    const seeing = perform(task, ({ n }) => void seen.push(n));

    await test.jobs.enqueue(task, { n: 2 }, { key });
    await expect(test.jobs.deadLetters.retry(id)).rejects.toMatchObject({ code: "DEAD_LETTER_SUPERSEDED" });
    await drain(test.jobs, { tasks: [seeing] });
    await test.jobs.deadLetters.retry(id);
    const [retried] = await storedJobs(test.jobsPool);
    await test.jobs.enqueue(task, { n: 3 }, { key });
    await drain(test.jobs, { tasks: [seeing] });

    expect(seen).toEqual([2, 3]);
    expect(retried).toMatchObject({ task: "t", key: "t:order 1" });
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it("are neither listed nor purged by a number that makes no sense", async () => {
    await using test = await createTestJobs();
    await deadLetterOf(test, 1);
    const { deadLetters } = test.jobs;
    const refused = { code: "OPTIONS_INVALID" };

    for (const limit of [0, -1, NaN, 1_001]) await expect(deadLetters.list({ limit })).rejects.toMatchObject(refused);
    for (const olderThanMs of [-1e12, NaN, Infinity, undefined]) {
      await expect(deadLetters.purge({ olderThanMs } as never)).rejects.toMatchObject(refused);
    }
    await expect(deadLetters.purge(undefined as never)).rejects.toMatchObject(refused);
    expect(await deadLetters.list()).toHaveLength(1);
  });

  it("can be retried with a mended payload, which is checked", async () => {
    await using test = await createTestJobs();
    const id = await deadLetterOf(test, 1);
    const seen: number[] = [];

    const unfit = test.jobs.deadLetters.retry(id, { task, payload: { n: "x" as never } });
    await expect(unfit).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
    await test.jobs.deadLetters.retry(id, { task, payload: { n: 2 } });
    await drain(test.jobs, { tasks: [perform(task, ({ n }) => void seen.push(n))] });

    expect(seen).toEqual([2]);
  });

  it("are retried by one of two callers that try at once", async () => {
    await using test = await createTestJobs();
    const id = await deadLetterOf(test, 1);

    const both = await Promise.allSettled([test.jobs.deadLetters.retry(id), test.jobs.deadLetters.retry(id)]);

    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect((await storedJobs(test.jobsPool)).length).toBe(1);
  });

  it.each(["repeatable read", "serializable"])(
    "are dealt with by one of two also where the default is %s",
    async (level) => {
      await using test = await createTestJobs();
      for (let n = 0; n < 20; n += 1) await deadLetterOf(test, n);
      const letters = await test.jobs.deadLetters.list();
      await test.jobsPool.query(
        `do $$ begin execute format('alter database %I set default_transaction_isolation = ''${level}''', current_database()); end $$`,
      );
      await using jobs = createJobs({ connection: test.jobsUrl, logger: collectInto([]) });

      for (const [index, { id }] of letters.entries()) {
        const act = () => (index % 2 === 0 ? jobs.deadLetters.retry(id) : jobs.deadLetters.discard(id));
        const ends = await Promise.allSettled([act(), act()]);

        const refused = ends.filter((end) => end.status === "rejected");
        expect(refused.map(({ reason }) => reason as unknown)).toMatchObject([{ code: "DEAD_LETTER_MISSING" }]);
      }
    },
  );

  it("are discarded one by one, and purged by age", async () => {
    await using test = await createTestJobs();
    const first = await deadLetterOf(test, 1);
    await deadLetterOf(test, 2);

    await test.jobs.deadLetters.discard(first);
    await expect(test.jobs.deadLetters.discard(first)).rejects.toMatchObject({ code: "DEAD_LETTER_MISSING" });
    const young = await test.jobs.deadLetters.purge({ olderThanMs: 3_600_000 });
    await test.jobsPool.query("update acme_jobs.dead_letters set died_at = died_at - interval '2 hours'");
    const old = await test.jobs.deadLetters.purge({ olderThanMs: 3_600_000 });

    expect([young, old, await test.jobs.deadLetters.list()]).toEqual([0, 1, []]);
  });
});
