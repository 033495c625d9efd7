import { describe, expect, it } from "vitest";
import { createJobs, perform } from "../../src/index.ts";
import { drain } from "../../src/testing/index.ts";
import { killable, single } from "../support/killable-task.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

/** A worker that notes what it has run, with a few polls a second. */
async function startNoting({ jobsUrl }: TestJobs, ran: string[], settings: object = {}) {
  const jobs = createJobs({ connection: jobsUrl, logger: collectInto([]) });
  const note = (name: string) => async (payload: { n: number }) => void ran.push(`${name} ${payload.n}`);
  const tasks = [perform(killable, note("killable")), perform(single, note("single"))];
  await jobs.startWorker({ tasks, pollIntervalMs: 50, ...settings });
  return jobs;
}

describe.each([{ prefetch: 0 }, { prefetch: 100 }])("a pause, with %o", (settings) => {
  it("of a task holds its jobs, and no others", async () => {
    await using test = await createTestJobs();
    await test.jobs.admin.pause({ task: "killable" });
    const ran: string[] = [];
    await using jobs = await startNoting(test, ran, settings);

    await jobs.enqueueMany(killable, [{ n: 1 }, { n: 2 }]);
    for (const n of [1, 2, 3]) await jobs.enqueue(single, { n });
    await expect.poll(() => ran.toSorted()).toEqual(["single 1", "single 2", "single 3"]);

    await expect.poll(() => storedJobs(test.jobsPool)).toMatchObject([{ attempts: 0 }, { attempts: 0 }]);
  });

  it("of a named queue holds its jobs, and no others", async () => {
    await using test = await createTestJobs();
    await test.jobs.admin.pause({ queue: "billing" });
    const ran: string[] = [];
    await using jobs = await startNoting(test, ran, settings);

    await jobs.enqueue(single, { n: 1 }, { queue: "billing" });
    await jobs.enqueue(single, { n: 2 }, { queue: "mail" });
    await jobs.enqueue(single, { n: 3 });
    await expect.poll(() => ran.toSorted()).toEqual(["single 2", "single 3"]);

    await expect.poll(() => storedJobs(test.jobsPool)).toMatchObject([{ queue: "billing", attempts: 0 }]);
  });

  it("of everything holds until it is resumed, by workers that start later, too", async () => {
    await using test = await createTestJobs();
    await test.jobs.admin.pause("everything");
    const ran: string[] = [];
    // Polls too rarely to find the job by itself.
    await using jobs = await startNoting(test, ran, { ...settings, pollIntervalMs: 60_000 });
    await jobs.enqueue(single, { n: 1 });
    await using drained = createJobs({ connection: test.jobsUrl, logger: collectInto([]) });
    expect(await drain(drained, { tasks: [perform(single, () => undefined)] })).toMatchObject({ doneCount: 0 });
    expect(ran).toEqual([]);

    const isResumed = await jobs.admin.resume("everything");

    expect(isResumed).toBe(true);
    await expect.poll(() => ran, { timeout: 5_000 }).toEqual(["single 1"]);
  });
});

describe("a pause", () => {
  it("lets what runs finish, and its retry wait", async () => {
    await using test = await createTestJobs();
    const gate = Promise.withResolvers<void>();
    let runs = 0;
    await using jobs = createJobs({ connection: test.jobsUrl, logger: collectInto([]) });
    const code = async () => {
      runs += 1;
      await gate.promise;
      if (runs === 1) throw new Error("once more");
    };
    await jobs.startWorker({ tasks: [perform(killable, code), perform(single, () => undefined)], pollIntervalMs: 50 });
    await jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => runs).toBe(1);

    await jobs.admin.pause({ task: "killable" });
    gate.resolve();
    await expect.poll(async () => (await jobs.admin.list()).jobs).toMatchObject([{ attempts: 1, lockedAt: null }]);
    // Of three fetches at least one began after the job was due again.
    for (const n of [1, 2, 3]) {
      await jobs.enqueue(single, { n });
      await expect.poll(async () => (await storedJobs(test.jobsPool)).length).toBe(1);
    }
    expect(runs).toBe(1);

    await jobs.admin.resume({ task: "killable" });
    await expect.poll(() => runs).toBe(2);
  });

  it("is listed, counts once, and says when nobody knows the name", async () => {
    await using test = await createTestJobs();
    const { admin } = test.jobs;
    await test.jobs.enqueue(single, { n: 1 }, { queue: "billing" });
    await test.jobsPool.query("insert into acme_jobs.tasks (name) values ('single')");

    const paused = ["everything", { task: "singel" }, { task: "single" }, { queue: "billing" }] as const;
    for (const what of [...paused, ...paused]) await admin.pause(what);

    const pauses = await admin.pauses();
    expect(pauses.map(({ what, isKnown }) => [what, isKnown])).toEqual([
      ["everything", true],
      [{ queue: "billing" }, true],
      [{ task: "singel" }, false],
      [{ task: "single" }, true],
    ]);
    expect(pauses[0]?.pausedAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect([await admin.resume({ task: "singel" }), await admin.resume({ task: "singel" })]).toEqual([true, false]);
    expect(await admin.pauses()).toHaveLength(3);
  });

  it.each([undefined, null, "all", {}, { task: "a", queue: "b" }, { task: undefined }, { task: "" }, { tasks: "a" }])(
    "of %o is refused",
    async (what) => {
      await using test = await createTestJobs();

      await expect(test.jobs.admin.pause(what as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
      await expect(test.jobs.admin.resume(what as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    },
  );

  it("lets every other job overtake, however many wait in front", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueueMany(
      killable,
      Array.from({ length: 5_000 }, (_, n) => ({ n })),
      { priority: -10 },
    );
    await test.jobs.admin.pause({ task: "killable" });
    const ran: string[] = [];
    await using jobs = await startNoting(test, ran);

    await jobs.enqueue(single, { n: 1 });

    await expect.poll(() => ran).toEqual(["single 1"]);
  });
});
