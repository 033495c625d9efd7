import { expect, it } from "vitest";
import { drain, enqueued } from "../../../src/testing/index.ts";
import { bill, broken, inAnHour, mail, performBill } from "./tasks.ts";
import type { World } from "./world.ts";

export function keyCases(world: () => World): void {
  it("replaces a waiting job of the same task and key: payload, time, queue and priority", async () => {
    const { jobs } = world();
    await jobs.enqueue(bill, { n: 1 }, { key: "k", runAt: inAnHour(), queue: "q", priority: 5 });
    const id = await jobs.enqueue(bill, { n: 2 }, { key: "k" });
    await jobs.enqueue(mail, { to: "ada" }, { key: "k" });

    const [job, ...others] = await enqueued(jobs, bill);

    expect(job).toMatchObject({ id, payload: { n: 2 }, key: "k", queue: null, priority: 0 });
    expect(Number(job?.runAt)).toBeLessThan(Date.now() + 60_000);
    expect(others).toEqual([]);
    expect(await enqueued(jobs, mail)).toHaveLength(1);
  });

  it("keeps the time of the first with preserveRunAt, until it has been tried", async () => {
    const { jobs } = world();
    const runAt = new Date("2099-01-01");
    await jobs.enqueue(bill, { n: 1 }, { key: "k", runAt });
    await jobs.enqueue(bill, { n: 2 }, { key: "k", keyMode: "preserveRunAt" });
    expect(await enqueued(jobs, bill)).toMatchObject([{ payload: { n: 2 }, runAt }]);

    await drain(jobs, { tasks: [performBill([], broken)], limit: 1 });
    const [tried] = await enqueued(jobs, bill);
    expect(tried).toMatchObject({ attempts: 1 });
    await jobs.enqueue(bill, { n: 3 }, { key: "k", keyMode: "preserveRunAt" });

    const [job] = await enqueued(jobs, bill);
    expect(job).toMatchObject({ payload: { n: 3 }, attempts: 0 });
    expect(Number(job?.runAt)).toBeLessThan(Number(tried?.runAt));
  });

  it("a job that runs is not replaced: the new one runs after it", async () => {
    const { jobs } = world();
    const ran: number[] = [];
    await jobs.enqueue(bill, { n: 1 }, { key: "k" });
    const replace = async (n: number) => {
      if (n > 1) return;
      await jobs.enqueue(bill, { n: 2 }, { key: "k", runAt: inAnHour() });
      expect(await enqueued(jobs, bill)).toMatchObject([{ payload: { n: 2 } }]);
    };

    const { doneCount } = await drain(jobs, { tasks: [performBill(ran, replace)] });

    expect([doneCount, ran]).toEqual([2, [1, 2]]);
  });

  it("a job that fails after a newer one has taken its key is neither tried again nor dead", async () => {
    const { jobs } = world();
    const ran: number[] = [];
    await jobs.enqueue(bill, { n: 1 }, { key: "k" });
    const replace = async (n: number) => {
      if (n > 1) return;
      await jobs.enqueue(bill, { n: 2 }, { key: "k" });
      broken();
    };

    const counts = await drain(jobs, { tasks: [performBill(ran, replace)] });

    expect(counts).toMatchObject({ doneCount: 1, failedCount: 1, deadCount: 0 });
    expect(ran).toEqual([1, 2]);
    expect(await jobs.deadLetters.list()).toEqual([]);
    expect(await enqueued(jobs)).toEqual([]);
  });

  it("a replaced job begins with all its attempts", async () => {
    const { jobs } = world();
    const attempts: number[] = [];
    const note = (_: number, { attempt }: { attempt: number }) => {
      attempts.push(attempt);
      broken();
    };
    await jobs.enqueue(bill, { n: 1 }, { key: "k" });
    await drain(jobs, { tasks: [performBill([], note)], limit: 2 });
    await jobs.enqueue(bill, { n: 2 }, { key: "k" });

    await drain(jobs, { tasks: [performBill([], note)] });

    expect(attempts).toEqual([1, 2, 1, 2, 3]);
    expect(await jobs.deadLetters.list()).toMatchObject([{ attempts: 3, errors: [{}, {}, {}], key: "bill%2Fpaid:k" }]);
  });

  it("the key is free again when its job is done", async () => {
    const { jobs } = world();
    const ran: number[] = [];
    await jobs.enqueue(bill, { n: 1 }, { key: "k" });
    await drain(jobs, { tasks: [performBill(ran)] });
    await jobs.enqueue(bill, { n: 2 }, { key: "k" });
    await drain(jobs, { tasks: [performBill(ran)] });

    expect(ran).toEqual([1, 2]);
  });
}
