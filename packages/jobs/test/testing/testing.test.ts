import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs } from "../support/test-jobs.ts";
import { defineTask, perform, retry, snooze } from "../../src/index.ts";
import { drain, performTask } from "../../src/testing/index.ts";

const task = defineTask("t", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 3_600_000 }),
});
const hurried = defineTask("hurried", { payload: z.object({ n: z.number() }), timeoutMs: 30 });

describe("performTask", () => {
  it("runs the code once and returns what it returned", async () => {
    const double = perform(task, ({ n }, { attempt }) => n * 2 + attempt);

    expect(await performTask(double, { n: 4 }, { attempt: 2 })).toBe(10);
  });

  it("passes on what the code threw", async () => {
    const failing = perform(task, () => {
      throw snooze(5);
    });

    await expect(performTask(failing, { n: 1 })).rejects.toMatchObject({ name: "SnoozeError", delayMs: 5 });
  });

  it("refuses a payload that does not fit, and ends at the time limit", async () => {
    const hanging = perform(hurried, () => new Promise(() => undefined));

    await expect(performTask(hanging, { n: "x" })).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
    await expect(performTask(hanging, { n: 1 })).rejects.toMatchObject({ code: "ATTEMPT_TIMEOUT" });
  });
});

describe.each([
  ["beside the data", false],
  ["in another database", true],
])("drain with jobs %s", (_, outbox) => {
  it("runs everything that is due, what jobs enqueue included, retries without their delays", async () => {
    await using test = await createTestJobs({ outbox });
    const seen: string[] = [];
    const second = defineTask("second", { payload: z.object({}) });
    const tasks = [
      perform(task, async ({ n }, { attempt }) => {
        seen.push(`t${n}#${attempt}`);
        if (attempt === 1) throw new Error("once");
        await test.jobs.enqueue(second, {});
      }),
      perform(second, () => void seen.push("second")),
    ];
    await test.jobs.enqueue(task, { n: 1 }, { runAt: new Date(Date.now() + 3_600_000) });

    const result = await drain(test.jobs, { tasks });

    expect(seen).toEqual(["t1#1", "t1#2", "second"]);
    expect(result).toEqual({ doneCount: 2, failedCount: 1 });
  });

  it("leaves what waits for its time where delays are kept", async () => {
    await using test = await createTestJobs({ outbox });
    await test.jobs.enqueue(task, { n: 1 }, { runAt: new Date(Date.now() + 3_600_000) });

    const result = await drain(test.jobs, { tasks: [perform(task, () => undefined)], skipDelays: false });

    expect(result).toEqual({ doneCount: 0, failedCount: 0 });
  });
});

describe("drain", () => {
  it("gives up in its time when somebody has locked a job that it would make due", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 }, { runAt: new Date("2099-01-01") });
    const client = await test.jobsPool.connect();
    await client.query("begin; select from graphile_worker._private_jobs for update");

    const draining = drain(test.jobs, { tasks: [perform(task, () => undefined)], withinMs: 500 });

    await expect(draining).rejects.toMatchObject({ code: "DRAIN_INCOMPLETE" });
    await client.query("rollback");
    client.release();
  });

  it("is not held up by a row of the outbox that no job can be made of", async () => {
    await using test = await createTestJobs({ outbox: true });
    const ran: number[] = [];
    await test.jobs.enqueue(task, { n: 1 });
    await test.dataPool.query(
      `insert into acme_jobs.outbox (id, task, payload, queue, preserve_run_at)
       values (gen_random_uuid(), 't', '{"n":2}', repeat('q', 200), false)`,
    );
    await test.jobs.enqueue(task, { n: 3 });

    await drain(test.jobs, { tasks: [perform(task, ({ n }) => void ran.push(n))] });

    expect(ran.toSorted((a, b) => a - b)).toEqual([1, 3]);
    expect(await test.jobs.deadLetters.list()).toHaveLength(1);
  });

  it("gives up with the names of what is left when tasks never end", async () => {
    await using test = await createTestJobs();
    const endless = perform(task, async ({ n }) => void (await test.jobs.enqueue(task, { n })));
    await test.jobs.enqueue(task, { n: 1 });

    await expect(drain(test.jobs, { tasks: [endless], withinMs: 300 })).rejects.toMatchObject({
      code: "DRAIN_INCOMPLETE",
      message: expect.stringContaining("jobs of: t") as string,
    });
  });

  it("gives up in its time when a task hangs, and leaves the job free", async () => {
    await using test = await createTestJobs();
    const hanging = perform(task, () => new Promise(() => undefined));
    await test.jobs.enqueue(task, { n: 1 });
    const startedAt = performance.now();

    await expect(drain(test.jobs, { tasks: [hanging], withinMs: 300 })).rejects.toMatchObject({
      code: "DRAIN_INCOMPLETE",
    });

    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await drain(test.jobs, { tasks: [perform(task, () => undefined)] })).toMatchObject({ doneCount: 1 });
  });
});
