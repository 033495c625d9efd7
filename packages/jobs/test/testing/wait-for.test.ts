import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, NonRetryableError, perform, retry } from "../../src/index.ts";
import { newJobId } from "../../src/job/job-id.ts";
import { drain, enqueued, makeDue, waitFor } from "../../src/testing/index.ts";

const task = defineTask("t", {
  payload: z.object({ n: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 3_600_000 }),
});
const other = defineTask("other", { payload: z.object({}) });
const runAt = new Date("2099-01-02T03:04:05.678Z");

describe.each([
  ["beside the data", false],
  ["in another database", true],
])("makeDue, with jobs %s,", (_, outbox) => {
  it("makes the waiting jobs of a task due, or those of all, and says how many", async () => {
    await using test = await createTestJobs({ outbox });
    await test.jobs.enqueue(task, { n: 1 }, { runAt, key: "k" });
    await test.jobs.enqueue(task, { n: 2 });
    await test.jobs.enqueue(other, {}, { runAt });
    await test.jobs.enqueue(other, {}, { runAt });

    expect(await makeDue(test.jobs, task)).toBe(1);
    expect(await makeDue(test.jobs, task)).toBe(0);
    expect((await enqueued(test.jobs, other)).map((job) => job.runAt)).toEqual([runAt, runAt]);
    expect(await makeDue(test.jobs)).toBe(2);

    const tasks = [perform(task, () => undefined), perform(other, () => undefined)];
    expect(await drain(test.jobs, { tasks, skipDelays: false })).toMatchObject({ doneCount: 4 });
  });
});

describe("makeDue", () => {
  it("ends the wait for the next attempt", async () => {
    await using test = await createTestJobs();
    const failing = perform(task, (_, { attempt }) => {
      if (attempt === 1) throw new Error("once");
    });
    const id = await test.jobs.enqueue(task, { n: 1 });
    // It looks for jobs when it is told, and otherwise after the end of the test.
    await using worker = await test.jobs.startWorker({ tasks: [failing], pollIntervalMs: 60_000 });
    await waitFor(test.jobs, id, "failed");

    expect(await makeDue(test.jobs)).toBe(1);
    await waitFor(test.jobs, id, "succeeded");
    await worker.stop();
  });
});

describe("waitFor", () => {
  it("waits beside a worker until a job has succeeded, failed or died, and says so if it ended otherwise", async () => {
    await using test = await createTestJobs({ outbox: true });
    const letGo = Promise.withResolvers<void>();
    const run = perform(task, async ({ n }) => {
      await letGo.promise;
      if (n === 1) throw new Error("later");
      if (n === 2) throw new NonRetryableError("never");
    });
    const [failing = "", dying = "", fine = ""] = await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    const succeeded = waitFor(test.jobs, fine, "succeeded");
    await using worker = await test.jobs.startWorker({ tasks: [run] });
    const ends = Promise.all([succeeded, waitFor(test.jobs, failing, "failed"), waitFor(test.jobs, dying, "dead")]);
    letGo.resolve();
    await ends;
    await worker.stop();

    await waitFor(test.jobs, dying, "failed");
    // At once: the test would be over before the time is.
    await expect(waitFor(test.jobs, dying, "succeeded", { withinMs: 600_000 })).rejects.toMatchObject({
      code: "STATE_NOT_REACHED",
      message: `Job ${dying} is not "succeeded": it is a dead letter after 1 attempts.`,
    });
    await expect(waitFor(test.jobs, fine, "failed")).rejects.toMatchObject({
      message: `Job ${fine} is not "failed": it is nowhere any more, so it has succeeded, was discarded or replaced.`,
    });
    await expect(waitFor(test.jobs, failing, "dead", { withinMs: 20 })).rejects.toMatchObject({
      message: expect.stringMatching(/is not "dead" after 20 ms: it waits until 20.*Z, and at least one attempt has/),
    });
  });

  it("takes a job for failed when its worker has given it back, and not when the failure is noted", async () => {
    await using test = await createTestJobs();
    const letGo = Promise.withResolvers<void>();
    const failing = perform(task, async () => {
      await letGo.promise;
      throw new Error("later");
    });
    const id = await test.jobs.enqueue(task, { n: 1 });
    await using worker = await test.jobs.startWorker({ tasks: [failing] });
    const stateOf = async () => (await test.jobsPool.query("select locked_at from graphile_worker.jobs")).rows[0];
    await expect.poll(stateOf).toMatchObject({ locked_at: expect.any(Date) });
    const holder = await test.jobsPool.connect();
    await holder.query("begin; select from graphile_worker._private_jobs for update");
    letGo.resolve();
    await expect.poll(async () => (await test.jobsPool.query("select from acme_jobs.failures")).rowCount).toBe(1);

    await expect(waitFor(test.jobs, id, "failed", { withinMs: 100 })).rejects.toMatchObject({
      message: expect.stringContaining("a worker has it, and at least one attempt has failed"),
    });
    await holder.query("commit");
    holder.release();
    await waitFor(test.jobs, id, "failed");

    expect(await stateOf()).toEqual({ locked_at: null });
    await worker.stop();
  });

  it("says after its time what the job is doing", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using direct = createJobs({ connection: test.jobsUrl });
    const inOutbox = await test.jobs.enqueue(task, { n: 1 });
    const due = await direct.enqueue(task, { n: 1 });
    const later = await direct.enqueue(task, { n: 1 }, { runAt });
    const messageOf = (id: string) =>
      waitFor(test.jobs, id, "succeeded", { withinMs: 1 }).catch((error: Error) => error.message);

    expect(await messageOf(inOutbox)).toContain("after 1 ms: it waits in the outbox, for a relay.");
    expect(await messageOf(due)).toContain("after 1 ms: it is due, and no worker has taken it.");
    expect(await messageOf(later)).toContain("after 1 ms: it waits until 2099-01-02T03:04:05.678Z.");
  });

  it("looks no more than a few times a second", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(task, { n: 1 }, { runAt });
    let lookCount = 0;
    const counting = { admin: { get: async (asked: string) => ((lookCount += 1), test.jobs.admin.get(asked)) } };

    await expect(waitFor(counting as never, id, "succeeded", { withinMs: 700 })).rejects.toMatchObject({
      code: "STATE_NOT_REACHED",
    });
    expect(lookCount).toBeLessThan(10);
  });
});

describe("makeDue and waitFor", () => {
  it("refuse what is no task, no id of a job, no state and no option", async () => {
    await using jobs = createJobs({ connection: "postgres://127.0.0.1:1/none" });
    const makeLoosely = makeDue as (...given: readonly unknown[]) => Promise<unknown>;
    const waitLoosely = waitFor as unknown as (...given: readonly unknown[]) => Promise<unknown>;
    const id = newJobId();

    await expect(makeLoosely(jobs, undefined)).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
    for (const given of [
      [undefined, "succeeded"],
      ["7", "succeeded"],
      [id, "done"],
      [id, "dead", { timeoutMs: 1 }],
      [id, "dead", { withinMs: "1" }],
    ]) {
      await expect(waitLoosely(jobs, ...given)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    }
  });
});
