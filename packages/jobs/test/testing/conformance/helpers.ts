import { expect, it } from "vitest";
import { perform } from "../../../src/index.ts";
import { assertNotEnqueued, drain, enqueued, jobsMatchers, makeDue, waitFor } from "../../../src/testing/index.ts";
import { bill, broken, inAnHour, mail, performBill } from "./tasks.ts";
import type { World } from "./world.ts";

export function helperCases(world: () => World): void {
  it("the matcher passes and fails with what there is", async () => {
    const { jobs } = world();
    const runAt = new Date("2099-01-01");
    await jobs.enqueue(bill, { n: 1 }, { runAt, queue: "q" });
    const look = (expected?: object) => jobsMatchers.toHaveEnqueued(jobs, bill, expected);

    expect(await look({ payload: { n: expect.any(Number) as number }, runAt, queue: "q", key: null })).toMatchObject({
      pass: true,
    });
    const { pass, message } = await look({ payload: { n: 2 } });
    expect([pass, message()]).toEqual([
      false,
      `No job of "bill/paid" is enqueued with { payload: { n: 2 } }. Its jobs are:
  { payload: { n: 1, currency: 'EUR' }, runAt: 2099-01-01T00:00:00.000Z, queue: 'q', key: null }`,
    ]);
    await assertNotEnqueued(jobs, mail);
  });

  it("makeDue makes due what waits for its time or its next attempt", async () => {
    const { jobs } = world();
    await jobs.enqueue(bill, { n: 1 }, { runAt: inAnHour() });
    await jobs.enqueue(mail, { to: "ada" }, { runAt: inAnHour() });
    await jobs.enqueue(bill, { n: 2 });

    expect(await makeDue(jobs, bill)).toBe(1);
    expect(await makeDue(jobs)).toBe(1);
    expect(await makeDue(jobs)).toBe(0);
    const ran: number[] = [];
    await drain(jobs, { tasks: [performBill(ran, broken)], skipDelays: false });
    expect(ran.toSorted()).toEqual([1, 2]);
    expect(await makeDue(jobs, bill)).toBe(2);
  });

  it("waitFor knows what has become of a job", async () => {
    const { jobs } = world();
    const done = await jobs.enqueue(bill, { n: 1 });
    const dead = await jobs.enqueue(mail, { to: "ada" });
    await drain(jobs, { tasks: [performBill([]), perform(mail, broken)] });
    const failed = await jobs.enqueue(bill, { n: 2 });
    await drain(jobs, { tasks: [performBill([], broken)], skipDelays: false });

    await waitFor(jobs, done, "succeeded");
    await waitFor(jobs, dead, "dead");
    await waitFor(jobs, dead, "failed");
    await waitFor(jobs, failed, "failed");
    await expect(waitFor(jobs, dead, "succeeded")).rejects.toMatchObject({
      code: "STATE_NOT_REACHED",
      message: `Job ${dead} is not "succeeded": it is a dead letter after 1 attempts.`,
    });
    await expect(waitFor(jobs, failed, "succeeded", { withinMs: 0 })).rejects.toThrow(
      "at least one attempt has failed",
    );
    const due = await jobs.enqueue(bill, { n: 3 });
    await expect(waitFor(jobs, due, "dead", { withinMs: 0 })).rejects.toThrow("it is due, and no worker has taken it");
  });

  it("drain leaves other tasks, and what waits if skipDelays is false", async () => {
    const { jobs } = world();
    const ran: number[] = [];
    await jobs.enqueue(mail, { to: "ada" });
    await jobs.enqueue(bill, { n: 1 }, { runAt: inAnHour() });

    await drain(jobs, { tasks: [performBill(ran)], skipDelays: false });
    expect(ran).toEqual([]);
    await drain(jobs, { tasks: [performBill(ran)] });
    expect(ran).toEqual([1]);
    expect(await enqueued(jobs)).toMatchObject([{ task: "mail" }]);
  });

  it("drain makes no more attempts than its limit", async () => {
    const { jobs } = world();
    const ran: number[] = [];
    await jobs.enqueueMany(bill, [{ n: 1 }, { n: 2 }, { n: 3 }]);

    expect(await drain(jobs, { tasks: [performBill(ran)], limit: 2 })).toMatchObject({ doneCount: 2 });
    expect(ran).toEqual([1, 2]);
    expect(await enqueued(jobs, bill)).toMatchObject([{ payload: { n: 3 }, attempts: 0 }]);
    expect(await drain(jobs, { tasks: [performBill(ran)], limit: 2 })).toMatchObject({ doneCount: 1 });
  });

  it("drain that does not follow runs each job once, and nothing that comes meanwhile", async () => {
    const { jobs } = world();
    const ran: number[] = [];
    await jobs.enqueueMany(bill, [{ n: 1 }, { n: 2 }]);
    await jobs.enqueue(bill, { n: 3 }, { runAt: inAnHour() });
    const more = async (n: number) => {
      await jobs.enqueue(bill, { n: n * 10 });
      if (n === 2) broken();
    };

    const counts = await drain(jobs, { tasks: [performBill(ran, more)], follow: false });

    expect(counts).toEqual({ doneCount: 2, failedCount: 1, snoozedCount: 0, deadCount: 0 });
    expect(ran.toSorted()).toEqual([1, 2, 3]);
    const left = await enqueued(jobs, bill);
    expect(left.map(({ payload }) => payload.n).toSorted()).toEqual([10, 2, 20, 30]);
    expect(left.find(({ payload }) => payload.n === 2)?.runAt.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
  });

  it("drain gives up in time, names what is left, and leaves the job free", async () => {
    const { jobs } = world();
    const hanging = performBill([], () => new Promise(() => undefined));
    await jobs.enqueue(bill, { n: 1 });

    await expect(drain(jobs, { tasks: [hanging], withinMs: 200 })).rejects.toMatchObject({
      code: "DRAIN_INCOMPLETE",
      message: expect.stringContaining("jobs of: bill/paid") as string,
    });
    expect(await enqueued(jobs, bill)).toMatchObject([{ attempts: 0 }]);
    expect(await drain(jobs, { tasks: [performBill([])] })).toMatchObject({ doneCount: 1 });
  });
}
