import { z } from "zod";
import { describe, expect, it } from "vitest";
import { createJobs, defineTask, perform, schedule } from "../../src/index.ts";
import { report } from "../support/schedules.ts";

const payload = { at: "now" };

describe("a schedule", () => {
  it.each([
    ["two times at once", { cron: "0 3 * * *", every: { minutes: 1 } }, "exactly one of cron, every and at"],
    ["no time", {}, "exactly one of cron, every and at"],
    ["a pattern of six fields", { cron: "0 0 3 * * *" }, "five fields"],
    ["a minute that no hour has", { cron: "61 * * * *" }, "61"],
    ["a pattern that is a number", { cron: 5 }, "not a text"],
    ["a day that no year has", { cron: "0 0 31 2 *" }, "never comes"],
    ["a time zone that is none", { cron: "0 3 * * *", timeZone: "Europe/Nowhere" }, "Europe/Nowhere"],
    ["a time zone without a pattern", { every: { minutes: 1 }, timeZone: "UTC" }, "timeZone needs cron"],
    ["half a minute", { every: { minutes: 0.5 } }, "every.minutes"],
    ["more than a year", { every: { minutes: 525_601 } }, "every.minutes"],
    ["nothing as interval", { every: null }, "every.minutes"],
    ["a text as time", { at: "2030-01-01" }, "at is not a Date"],
    ["an invalid time", { at: new Date(Number.NaN) }, "at is not a Date"],
    ["an overlap that is none", { every: { minutes: 1 }, overlap: "wait" }, "overlap"],
    ["a backfill that is none", { every: { minutes: 1 }, backfill: true }, "backfill"],
    ["ticks made up for that would be skipped", { every: { minutes: 1 }, backfill: "all" }, 'needs overlap "queue"'],
    ["a name with a space", { every: { minutes: 1 }, name: "a b" }, "its name"],
    ["an option that does not exist", { every: { minutes: 1 }, timezone: "UTC" }, "timezone"],
  ])("refuses %s", (_, options, part) => {
    const declare = () => schedule(report, { payload, ...options } as never);

    expect(declare).toThrow(expect.objectContaining({ code: "SCHEDULE_INVALID" }));
    expect(declare).toThrow(part);
  });

  it("refuses a payload that is an array where its jobs would need a key", () => {
    const listed = defineTask("listed", { payload: z.array(z.string()) });
    const options = { every: { minutes: 1 }, payload: ["a"] };

    expect(() => schedule(listed, options)).toThrow(expect.objectContaining({ code: "SCHEDULE_INVALID" }));
    expect(() => schedule(listed, { ...options, overlap: "queue" })).not.toThrow();
  });

  it("refuses a payload that does not fit where it is declared", () => {
    const wrong = { at: 7 } as never;

    expect(() => schedule(report, { every: { minutes: 1 }, payload: wrong })).toThrow(
      expect.objectContaining({ code: "PAYLOAD_INVALID" }),
    );
  });

  it("refuses what is no task", () => {
    expect(() => schedule("report" as never, { every: { minutes: 1 }, payload })).toThrow(
      expect.objectContaining({ code: "TASK_UNKNOWN" }),
    );
  });

  it("takes the name of its task, UTC, skip and latest where nothing else is said", () => {
    const declared = schedule(report, { cron: "@daily", payload });

    expect(declared).toMatchObject({
      name: "report",
      timing: { cron: "@daily", timeZone: "UTC" },
      overlap: "skip",
      backfill: "latest",
    });
  });

  it("takes a task whose schema is asynchronous", () => {
    const slow = defineTask("slow", { payload: z.object({ n: z.number() }).refine(async () => true) });

    expect(schedule(slow, { every: { minutes: 1 }, payload: { n: 1 } }).name).toBe("slow");
  });
});

describe("a worker", () => {
  const once = schedule(report, { every: { minutes: 1 }, payload });
  const startWith = async (schedules: unknown) => {
    await using jobs = createJobs({ connection: "postgres://localhost/none" });
    await jobs.startWorker({ tasks: [perform(report, () => undefined)], schedules: schedules as never });
  };

  it.each([
    ["something else than a list", once],
    ["something else than schedules", [report]],
    ["two schedules of one name", [once, schedule(report, { every: { minutes: 2 }, payload })]],
  ])("refuses %s", async (_, schedules) => {
    await expect(startWith(schedules)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
  });
});
