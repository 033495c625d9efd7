import { describe, expect, it, onTestFinished } from "vitest";
import { createJobs, perform, schedule, type Schedule } from "../../src/index.ts";
import { declare } from "../../src/schedule/declare.ts";
import { killable } from "../support/killable-task.ts";
import { everyMinute, passMinutes, report, scheduleRow } from "../support/schedules.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

const minutely = schedule(report, everyMinute);

async function startWorker({ jobsUrl }: TestJobs, schedules: readonly Schedule[]) {
  const jobs = createJobs({ connection: jobsUrl, logger: collectInto([]) });
  onTestFinished(() => jobs.close());
  await jobs.startWorker({ tasks: [perform(killable, () => undefined)], schedules });
}

/** As if no worker had said anything about its schedules for a while. */
const silentFor = ({ jobsPool }: TestJobs, age: string) =>
  jobsPool.query("update acme_jobs.schedules set seen_at = clock_timestamp() - $1::interval", [age]);

describe("the list of schedules", () => {
  it("has what each does and has done", async () => {
    await using test = await createTestJobs();
    await declare(test.jobsPool, [
      minutely,
      schedule(report, { name: "a-night", cron: "30 2 * * *", timeZone: "Europe/Berlin", payload: { at: "night" } }),
      schedule(report, { name: "once", at: new Date("2100-01-01T00:00:00Z"), payload: { at: "once" } }),
    ]);

    const { schedules, next } = await test.jobs.admin.schedules();

    expect(next).toBeUndefined();
    expect(schedules).toMatchObject([
      { name: "a-night", timing: { cron: "30 2 * * *", timeZone: "Europe/Berlin" }, overlap: "skip" },
      { name: "once", timing: { at: "2100-01-01T00:00:00.000Z" }, nextAt: new Date("2100-01-01T00:00:00Z") },
      { name: "report", task: "report", timing: { everyMinutes: 1 }, isDeclared: true, pausedAt: null, failure: null },
    ]);
  });

  it("has pages, in the order of names", async () => {
    await using test = await createTestJobs();
    await declare(
      test.jobsPool,
      ["b", "C", "a"].map((name) => schedule(report, { ...everyMinute, name })),
    );

    const first = await test.jobs.admin.schedules({ limit: 2 });
    const second = await test.jobs.admin.schedules({ limit: 2, after: first.next! });

    expect([first, second].map((page) => page.schedules.map(({ name }) => name))).toEqual([["C", "a"], ["b"]]);
    expect(second.next).toBeUndefined();
  });

  it("says when no worker has a schedule any more", async () => {
    await using test = await createTestJobs();
    await declare(test.jobsPool, [minutely]);
    await silentFor(test, "3 minutes");

    expect((await test.jobs.admin.schedules()).schedules).toMatchObject([{ isDeclared: false }]);
  });

  it("never has a payload", async () => {
    await using test = await createTestJobs();
    await declare(test.jobsPool, [schedule(report, { ...everyMinute, payload: { at: "hunter2" } })]);

    expect(JSON.stringify([await test.jobs.admin.schedules(), await scheduleRow(test.jobsPool)])).not.toContain(
      "hunter2",
    );
  });
});

describe("a pause", () => {
  it("holds on all workers and after their restarts, and what it leaves out is not made up for", async () => {
    await using test = await createTestJobs();
    await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();

    await test.jobs.admin.pauseSchedule("report");
    await passMinutes(test.jobsPool, 3);
    await startWorker(test, [minutely, schedule(report, { ...everyMinute, name: "other" })]);
    await expect.poll(() => scheduleRow(test.jobsPool, "other")).toBeDefined();
    await passMinutes(test.jobsPool, 1);
    // By the time that the other one has ticked, this one would have.
    await expect
      .poll(() => storedJobs(test.jobsPool), { timeout: 5_000 })
      .toMatchObject([{ key: "report:schedule:other" }]);
    expect((await test.jobs.admin.schedules()).schedules[1]).toMatchObject({
      nextAt: null,
      pausedAt: expect.any(Date),
    });

    await test.jobs.admin.resumeSchedule("report");

    const { next_at: next } = await scheduleRow(test.jobsPool);
    expect(next.getTime()).toBeGreaterThan(Date.now() - 1_000);
    expect(await storedJobs(test.jobsPool)).toHaveLength(1);
    await passMinutes(test.jobsPool, 1);
    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 5_000 }).toHaveLength(2);
  });
});

describe("a job that an operator asks for", () => {
  it("is enqueued besides the ticks, and as overlap says", async () => {
    await using test = await createTestJobs();
    await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    const { next_at: before } = await scheduleRow(test.jobsPool);

    await test.jobs.admin.runSchedule("report");
    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 5_000 }).toHaveLength(1);
    await test.jobs.admin.runSchedule("report");
    await expect.poll(async () => (await scheduleRow(test.jobsPool)).skipped_at, { timeout: 5_000 }).not.toBeNull();

    expect(await storedJobs(test.jobsPool)).toHaveLength(1);
    expect((await scheduleRow(test.jobsPool)).next_at.getTime() - before.getTime()).toBeLessThanOrEqual(60_000);
  });
});

describe("a job that an operator asks for in a pause", () => {
  it("is enqueued, and no tick with it", async () => {
    await using test = await createTestJobs();
    await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    await test.jobs.admin.pauseSchedule("report");
    await passMinutes(test.jobsPool, 1);
    const { next_at: before } = await scheduleRow(test.jobsPool);

    await test.jobs.admin.runSchedule("report");

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 5_000 }).toHaveLength(1);
    expect(await scheduleRow(test.jobsPool)).toMatchObject({ next_at: before, last_tick_at: null, wanted_at: null });
  });
});

describe("a schedule of a zone that this Node does not know", () => {
  it("is listed and paused, and resumed only by a process that knows it", async () => {
    await using test = await createTestJobs();
    await declare(test.jobsPool, [minutely]);
    await test.jobsPool.query(
      `update acme_jobs.schedules set definition = definition || '{"timing":{"cron":"0 3 * * *","timeZone":"Mars/Olympus"}}'`,
    );

    await test.jobs.admin.pauseSchedule("report");

    expect((await test.jobs.admin.schedules()).schedules).toMatchObject([{ timing: { timeZone: "Mars/Olympus" } }]);
    await expect(test.jobs.admin.resumeSchedule("report")).rejects.toMatchObject({ code: "SCHEDULE_INVALID" });
    expect((await scheduleRow(test.jobsPool)).paused_at).toBeInstanceOf(Date);
  });
});

describe("a schedule that has left the code", () => {
  it("can be removed, but not while a worker has it", async () => {
    await using test = await createTestJobs();
    await declare(test.jobsPool, [minutely]);

    await expect(test.jobs.admin.removeSchedule("report")).rejects.toMatchObject({ code: "SCHEDULE_DECLARED" });
    await silentFor(test, "3 minutes");
    await test.jobs.admin.removeSchedule("report");

    expect((await test.jobs.admin.schedules()).schedules).toEqual([]);
  });
});

it.each(["pauseSchedule", "resumeSchedule", "runSchedule", "removeSchedule"] as const)(
  "%s refuses a name that no schedule has",
  async (change) => {
    await using test = await createTestJobs();

    await expect(test.jobs.admin[change]("none")).rejects.toMatchObject({ code: "SCHEDULE_MISSING" });
    await expect(test.jobs.admin[change](7 as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
  },
);
