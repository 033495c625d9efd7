import { AssertionError } from "node:assert";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs } from "../support/test-jobs.ts";
import { defineTask } from "../../src/index.ts";
import { assertEnqueued, assertNotEnqueued } from "../../src/testing/index.ts";
// oxlint-disable-next-line import/no-unassigned-import -- it registers the matchers.
import "../../src/vitest.ts";

const receipt = defineTask("receipt", {
  payload: z.object({
    order: z.object({ id: z.string(), lines: z.array(z.object({ n: z.number(), sku: z.string() })) }),
  }),
});
const other = defineTask("other", { payload: z.object({}) });

const order = { id: "o1", lines: [{ n: 1, sku: "a" }] };
const runAt = new Date("2099-01-02T03:04:05.678Z");

describe("toHaveEnqueued", () => {
  it("passes for a job that has everything that is expected, whatever else it has", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(receipt, { order: { ...order, id: "o0" } });
    await test.jobs.enqueue(receipt, { order }, { runAt, queue: "slow", key: "k" });

    await expect(test.jobs).toHaveEnqueued(receipt);
    await expect(test.jobs).toHaveEnqueued(receipt, {
      payload: { order: { id: "o1" } },
      runAt,
      queue: "slow",
      key: "k",
    });
    await expect(test.jobs).toHaveEnqueued(receipt, { payload: { order: { lines: [{ sku: "a" }] } }, queue: null });
    await expect(test.jobs).toHaveEnqueued(receipt, {
      payload: { order: expect.objectContaining({ id: expect.stringMatching(/^o1$/) }) },
      runAt: expect.any(Date),
    });

    for (const misfit of [
      { payload: { order: { id: "o2" } } },
      { payload: { order: { lines: [] } } },
      { payload: { order: { lines: [{ n: 2 }] } } },
      { payload: { order: { id: "o0" } }, queue: "slow" },
      { runAt: new Date(runAt.getTime() + 1) },
      { queue: "fast" },
      { key: "receipt:k" },
      { payload: { order: { id: expect.stringMatching("x") } } },
    ]) {
      await expect(test.jobs).not.toHaveEnqueued(receipt, misfit);
    }
    await expect(test.jobs).not.toHaveEnqueued(other);
  });

  it("says which jobs there are", async () => {
    await using test = await createTestJobs();
    const messageOf = (assertion: Promise<void>) => assertion.then(String, (error: Error) => error.message);

    expect(await messageOf(expect(test.jobs).toHaveEnqueued(receipt, { queue: "slow" }))).toBe(
      "No job of \"receipt\" is enqueued with { queue: 'slow' }. Tasks with jobs: none.",
    );
    await test.jobs.enqueue(other, {});
    expect(await messageOf(expect(test.jobs).toHaveEnqueued(receipt))).toBe(
      'No job of "receipt" is enqueued. Tasks with jobs: other.',
    );
    await test.jobs.enqueueMany(
      receipt,
      Array.from({ length: 12 }, () => ({ order })),
      { runAt },
    );
    expect(await messageOf(expect(test.jobs).toHaveEnqueued(receipt, { queue: "slow" }))).toMatch(
      /Its jobs are:\n {2}\{ payload: \{ order: \{ id: 'o1', .* runAt: 2099-01-02T03:04:05.678Z, queue: null, key: null \}\n[^]*\n {2}and 2 more$/,
    );
    const listed = await messageOf(expect(test.jobs).not.toHaveEnqueued(receipt));
    expect(listed.split("\n")).toHaveLength(1 + 10 + 1);
    expect(await messageOf(expect(test.jobs).not.toHaveEnqueued(other))).toMatch(
      /^No job of "other" should be enqueued, and there are:\n {2}\{ payload: \{\}/,
    );
  });

  it("looks through a transaction, and refuses what it does not know", async () => {
    await using test = await createTestJobs();
    const client = await test.dataPool.connect();
    await client.query("begin");
    await test.jobs.enqueue(other, {}, { tx: client });

    await expect(test.jobs).toHaveEnqueued(other, { tx: client });
    await expect(test.jobs).not.toHaveEnqueued(other);
    await client.query("rollback");
    client.release();

    await expect(expect(test.jobs).not.toHaveEnqueued(other, { que: "q" } as never)).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
    });
    await expect(expect(test.jobs).not.toHaveEnqueued(undefined as never)).rejects.toMatchObject({
      code: "TASK_UNKNOWN",
    });
    await expect(expect({}).not.toHaveEnqueued(other)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
  });
});

describe("assertEnqueued and assertNotEnqueued", () => {
  it("say the same for any runner, and give the job", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(receipt, { order });

    expect(await assertEnqueued(test.jobs, receipt, { payload: { order: { id: "o1" } } })).toMatchObject({
      id,
      payload: { order },
    });
    await assertNotEnqueued(test.jobs, receipt, { key: "k" });
    await expect(assertEnqueued(test.jobs, receipt, { key: "k" })).rejects.toThrow(AssertionError);
    await expect(assertNotEnqueued(test.jobs, receipt)).rejects.toThrow(AssertionError);
  });
});
