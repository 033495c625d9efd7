import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs, outboxCount, storedJobs } from "../support/test-jobs.ts";
import { defineTask, JobsError, perform, retry, type Task } from "../../src/index.ts";
import { drain } from "../../src/testing/index.ts";

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
  ["undefined in a property", { a: undefined }],
  ["undefined itself", undefined],
  ["NaN", { n: Number.NaN }],
  ["a class instance", new Money()],
  ["a cycle", cycle],
  ["1 MB", { text: "x".repeat(1_048_576) }],
  ["a NUL character", { text: "a\0b" }],
  ["a NUL character in a name", { "a\0b": 1 }],
  ["half a surrogate pair", { text: "\ud800" }],
  ["a function", { run: () => 1 }],
];

/** A task whose schema is this function. */
function taskOf<Payload>(make: (value: Payload) => Payload): Task<string, Payload, Payload> {
  const validate = (value: unknown) => ({ value: make(value as Payload) });
  return defineTask("made", { payload: { "~standard": { version: 1, vendor: "test", validate } } });
}

describe("a payload", () => {
  it.each(refused)("with %s is refused on enqueue, and nothing is added", async (_, payload) => {
    await using test = await createTestJobs();

    await expect(test.jobs.enqueue(anything, payload)).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });

    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });

  it("is refused inside the caller's transaction, before anything is written to the outbox", async () => {
    await using test = await createTestJobs({ outbox: true });
    const client = await test.dataPool.connect();
    await client.query("begin");

    await expect(test.jobs.enqueue(anything, { at: new Date() }, { tx: client })).rejects.toThrow(JobsError);

    await client.query("commit");
    client.release();
    expect(await outboxCount(test.dataPool)).toBe(0);
  });

  it("is refused if it is nested more deeply than its schema can check", async () => {
    await using test = await createTestJobs();
    const json = defineTask("json", { payload: z.json() });
    const nested = JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) as [];

    await expect(test.jobs.enqueue(json, nested)).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
  });

  it("is stored as the schema's output", async () => {
    await using test = await createTestJobs();
    const task = defineTask("trimmed", {
      payload: z.object({ name: z.string().trim(), kind: z.string().default("new") }),
    });

    await test.jobs.enqueue(task, { name: "  Ada " });

    const { rows } = await test.jobsPool.query("select payload from graphile_worker._private_jobs");
    expect(rows).toEqual([{ payload: { name: "Ada", kind: "new" } }]);
  });

  it("is checked, stored and run the same by a schema that answers later", async () => {
    await using test = await createTestJobs();
    const short = z.object({ name: z.string().trim() }).refine(({ name }) => Promise.resolve(name.length < 5));
    const task = defineTask("later", { payload: short, retry: retry.never });
    const ran: unknown[] = [];

    await test.jobs.enqueueMany(task, [{ name: " Ada " }, { name: "Bob" }]);
    await expect(test.jobs.enqueue(task, { name: "Charles" })).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
    await test.jobsPool.query(`select graphile_worker.add_job('later', '{"name": "Dorothy"}')`);
    await drain(test.jobs, { tasks: [perform(task, (payload) => void ran.push(payload))] });

    expect(ran).toEqual([{ name: "Ada" }, { name: "Bob" }]);
    expect((await test.jobs.deadLetters.list()).map(({ payload }) => payload)).toEqual([{ name: "Dorothy" }]);
  });

  it("is refused when its stored form would not pass the worker's check", async () => {
    await using test = await createTestJobs();
    const task = defineTask("once_only", { payload: z.string().transform((text) => text.length) });

    await expect(test.jobs.enqueue(task, "four")).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
  });

  it("is refused when the schema would change it a second time in the worker", async () => {
    await using test = await createTestJobs();
    const inCents = defineTask("in_cents", { payload: z.number().transform((amount) => amount * 100) });

    await expect(test.jobs.enqueue(inCents, 5)).rejects.toThrow(/would change its own output again/);
  });

  it("is refused when the schema would change it again, which it does in place", async () => {
    await using test = await createTestJobs();
    const inCents = taskOf((value: { amount: number }) => {
      value.amount *= 100;
      return value;
    });

    await expect(test.jobs.enqueue(inCents, { amount: 5 })).rejects.toThrow(/would change its own output again/);
  });

  it("is refused when its schema takes a Date and makes the text of it, which it would not take again", async () => {
    await using test = await createTestJobs();
    const due = defineTask("due", { payload: z.date().transform((date) => date.toISOString()) });

    await expect(test.jobs.enqueue(due, new Date(0))).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
  });

  it("is stored as it was when it was checked, whatever becomes of the object", async () => {
    await using test = await createTestJobs();
    const first = { list: [1] };
    const meddling = taskOf((value: { list: number[] }) => {
      if (value !== first) first.list.push(Number.NaN);
      return value;
    });

    await test.jobs.enqueueMany(meddling, [first, { list: [] }]);

    const { rows } = await test.jobsPool.query("select payload from graphile_worker._private_jobs order by id");
    expect(rows).toEqual([{ payload: { list: [1] } }, { payload: { list: [] } }]);
  });

  it("is checked once by a schema that leaves it as it is, and twice by one that does not", async () => {
    await using test = await createTestJobs();
    const counts = { same: 0, copied: 0, sorted: 0 };
    const same = taskOf((value: object) => (counts.same++, value));
    const copied = taskOf((value: object) => (counts.copied++, { ...value }));
    const sorted = taskOf(({ a, b }: { a: number; b: number }) => (counts.sorted++, { a, b }));

    for (const task of [same, copied, sorted]) await test.jobs.enqueue(task, { b: 1, a: 2 });

    expect(counts).toEqual({ same: 1, copied: 1, sorted: 2 });
  });

  it("is not repeated by what the schema says of it, nor are keys that are data", async () => {
    await using test = await createTestJobs();
    const rights = defineTask("rights", { payload: z.object({ rights: z.record(z.string(), z.enum(["read"])) }) });
    const outspoken = defineTask("outspoken", {
      payload: {
        "~standard": {
          version: 1 as const,
          vendor: "test",
          validate: (value: unknown) => ({ issues: [{ message: `Invalid: received "${String(value)}"`, path: [] }] }),
        },
      },
    });

    const ofRecord = test.jobs.enqueue(rights, { rights: { "ada@example.org": "write" as never } });
    const ofSchema = test.jobs.enqueue(outspoken, "grace@example.org" as never);

    await expect(ofRecord).rejects.toThrow(/rights\.\[…\]/);
    await expect(ofRecord).rejects.not.toThrow(/ada@/);
    await expect(ofSchema).rejects.toThrow(/does not fit/);
    await expect(ofSchema).rejects.not.toThrow(/grace@/);
  });

  it("keeps texts that only look like escapes", async () => {
    await using test = await createTestJobs();
    const tricky = { text: String.raw`\u0000 \ud800 " \\ 💶`, list: [1, null, true, -1.5e-7] };

    await test.jobs.enqueue(anything, tricky);

    const { rows } = await test.jobsPool.query("select payload from graphile_worker._private_jobs");
    expect(rows).toEqual([{ payload: tricky }]);
  });

  it("is named in the error by its places, never by its values", async () => {
    await using test = await createTestJobs();
    const task = defineTask("with_email", { payload: z.object({ email: z.email() }) });

    const refusal = test.jobs.enqueue(task, { email: "secret-value" });

    await expect(refusal).rejects.toThrow(/with_email.*email: /);
    await expect(refusal).rejects.not.toThrow(/secret-value/);
  });
});
