import { createEventBus, createUnitOfWork, defineEvent } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createTestJobs, outboxCount, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { defineTask, perform, type PerformableTask } from "../../src/index.ts";

class OrderPlaced extends defineEvent("order.placed") {}
const anything = defineTask("anything", { payload: z.unknown() });
const cycle: { self?: object } = {};
cycle.self = cycle;
class Money {
  cents = 1;
}

const refused: [string, unknown][] = [
  ["a Date", { at: new Date(0) }],
  ["a bigint", { cents: 1n }],
  ["a Map", { map: new Map([["a", 1]]) }],
  ["undefined", { a: undefined }],
  ["NaN", { n: Number.NaN }],
  ["a class instance", new Money()],
  ["a cycle", cycle],
  ["1 MB", { text: "x".repeat(1_048_576) }],
  ["a NUL character", { text: "a\0b" }],
];

describe.each([
  ["beside the data", false],
  ["in another database", true],
])("a unit of work whose job, %s, is to have a payload", (_, outbox) => {
  it.each(refused)("with %s rolls back, and says why", async (__, payload) => {
    await using test = await createTestJobs({ outbox });
    await test.dataPool.query("create table placed (n int)");
    const bus = createEventBus();
    bus.register(
      OrderPlaced,
      test.jobs.durable(anything, () => payload),
    );

    const run = createUnitOfWork(pgTransactions(test.dataPool), { bus }).run(async ({ tx, record }) => {
      await tx.query("insert into placed values (1)");
      record(new OrderPlaced());
    });

    await expect(run).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
    const { rows } = await test.dataPool.query("select from placed");
    const jobs = outbox ? await outboxCount(test.dataPool) : (await storedJobs(test.jobsPool)).length;
    expect([rows, jobs]).toEqual([[], 0]);
  });
});

describe("the largest payload", () => {
  const largestBytes = 256 * 1024;
  /** Characters of one to four bytes and escapes, so many that the JSON is exactly as large. */
  const ofBytes = (bytes: number) => {
    const odd = { text: String.raw`"\u0000" \\ ` + "é€💶\n", list: [null, true, -1.5e-7, 2 ** 53 - 1], fill: "" };
    return { ...odd, fill: "x".repeat(bytes - Buffer.byteLength(JSON.stringify(odd))) };
  };

  it("arrives in the task unchanged, by way of the outbox", async () => {
    await using test = await createTestJobs({ outbox: true });
    const seen: unknown[] = [];
    await work(test, [perform(anything, (payload) => void seen.push(payload))]);
    const payload = ofBytes(largestBytes);

    await test.jobs.enqueue(anything, payload);

    await expect.poll(() => seen.length).toBe(1);
    expect(seen).toEqual([payload]);
  });

  it("is refused with one byte more", async () => {
    await using test = await createTestJobs({ outbox: true });

    await expect(test.jobs.enqueue(anything, ofBytes(largestBytes + 1))).rejects.toMatchObject({
      code: "PAYLOAD_INVALID",
    });

    expect(await outboxCount(test.dataPool)).toBe(0);
  });
});

describe("payloads that no longer fit when their jobs run", () => {
  it("are dead letters at once, whole and with the reason; the others of their queue go on", async () => {
    await using test = await createTestJobs({ outbox: true });
    const before = defineTask("resize", { payload: z.object({ width: z.union([z.number(), z.string()]) }) });
    const since = defineTask("resize", { payload: z.object({ width: z.number() }) });
    for (const width of [1, "two", 3, "four", 5]) await test.jobs.enqueue(before, { width }, { queue: "one" });
    const seen: number[] = [];

    await work(test, [perform(since, ({ width }) => void seen.push(width))]);

    await expect.poll(() => seen.toSorted()).toEqual([1, 3, 5]);
    await expect.poll(async () => (await test.jobs.deadLetters.list()).length).toBe(2);
    const letters = await test.jobs.deadLetters.list();
    expect(letters.map(({ payload }) => JSON.stringify(payload)).toSorted()).toEqual([
      '{"width":"four"}',
      '{"width":"two"}',
    ]);
    for (const letter of letters) {
      expect(letter).toMatchObject({ attempts: 1, reason: expect.stringMatching(/does not fit task "resize": width/) });
    }
  });
});

async function work(test: TestJobs, tasks: readonly PerformableTask[]): Promise<void> {
  const worker = await test.jobs.startWorker({ tasks });
  onTestFinished(() => worker.stop());
}
