import { expect, it } from "vitest";
import { perform } from "../../../src/index.ts";
import { drain, enqueued } from "../../../src/testing/index.ts";
import { bill, mail, performBill } from "./tasks.ts";
import type { World } from "./world.ts";

export function enqueueCases(world: () => World): void {
  it("lists what enqueue was given, in the order of enqueueing", async () => {
    const { jobs } = world();
    const runAt = new Date("2099-05-06T07:08:09.123Z");
    const late = await jobs.enqueue(bill, { n: 1 }, { runAt, queue: "q", key: "a:b", priority: -3 });
    await jobs.enqueue(mail, { to: "ada" });
    const ids = await jobs.enqueueMany(bill, [{ n: 2 }, { n: 3 }], { priority: 2 });

    const [first, ...others] = await enqueued(jobs, bill);

    const payload = { n: 1, currency: "EUR" };
    const settings = { queue: "q", key: "a:b", priority: -3, attempts: 0 };
    expect(first).toEqual({ id: late, task: "bill/paid", payload, runAt, ...settings });
    expect(others.map(({ id }) => id)).toEqual(ids);
    expect(others[0]).toMatchObject({ payload: { n: 2 }, queue: null, key: null, priority: 2 });
    expect(Math.abs(Number(others[0]?.runAt) - Date.now())).toBeLessThan(60_000);
    expect((await enqueued(jobs)).map(({ task }) => task)).toEqual(["bill/paid", "mail", "bill/paid", "bill/paid"]);
  });

  it("runs by priority, then by time, then in the order of enqueueing", async () => {
    const { jobs } = world();
    const ran: number[] = [];
    await jobs.enqueueMany(
      bill,
      Array.from({ length: 20 }, (_, n) => ({ n })),
    );
    await jobs.enqueue(bill, { n: 100 }, { priority: -1 });
    await jobs.enqueue(bill, { n: 101 }, { runAt: new Date("2001-01-01") });
    await jobs.enqueue(bill, { n: 102 }, { runAt: new Date("2000-01-01") });
    await jobs.enqueue(bill, { n: 103 }, { priority: 1 });

    await drain(jobs, { tasks: [performBill(ran)] });

    expect(ran).toEqual([100, 102, 101, ...Array.from({ length: 20 }, (_, n) => n), 103]);
  });

  it("runs the jobs of a named queue one at a time, in their order", async () => {
    const { jobs } = world();
    let running = 0;
    const ran: number[] = [];
    await jobs.enqueueMany(bill, [{ n: 1 }, { n: 2 }, { n: 3 }], { queue: "q" });

    const alone = async () => {
      expect(++running).toBe(1);
      await new Promise(setImmediate);
      running -= 1;
    };
    const result = await drain(jobs, { tasks: [performBill(ran, alone)] });

    expect([result.doneCount, ran]).toEqual([3, [1, 2, 3]]);
  });

  it("gives the code the output of the schema, the id as key, and the number of the attempt", async () => {
    const { jobs } = world();
    const id = await jobs.enqueue(bill, { n: 1 });
    const seen: unknown[] = [];
    const look = perform(bill, (payload, { attempt, idempotencyKey, jobId, signal, requestId, event }) => {
      seen.push({ payload, attempt, idempotencyKey, isAborted: signal.aborted, requestId, event });
      expect(jobId).toMatch(/^\d+$/);
    });

    await drain(jobs, { tasks: [look] });

    const context = { attempt: 1, idempotencyKey: id, isAborted: false, requestId: undefined, event: undefined };
    expect(seen).toEqual([{ payload: { n: 1, currency: "EUR" }, ...context }]);
    expect(world().log).toContainEqual({
      level: "info",
      message: "job done",
      fields: expect.objectContaining({ task: "bill/paid", id, attempt: 1 }) as object,
    });
  });

  it("adds nothing for no payloads, and all or none of several", async () => {
    const { jobs } = world();

    expect(await jobs.enqueueMany(bill, [])).toEqual([]);
    await expect(jobs.enqueueMany(bill, [{ n: 1 }, { n: "2" as never }])).rejects.toMatchObject({
      code: "PAYLOAD_INVALID",
    });

    expect(await enqueued(jobs)).toEqual([]);
  });
}
