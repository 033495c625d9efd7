import { describe, expect, it } from "vitest";
import { perform, schedule, type ScheduleOptions } from "../../src/index.ts";
import { createTestJobs, drain, enqueued } from "../../src/testing/index.ts";
import { ledger, report } from "../support/schedules.ts";

const hourMs = 3_600_000;
const hourly = (options: Partial<ScheduleOptions<{ at: string }>> = {}) =>
  schedule(report, {
    every: { minutes: 60 },
    payload: ({ at }: { at: Date }) => ({ at: at.toISOString() }),
    ...options,
  } as never);

describe("schedules of jobs in memory", () => {
  it("enqueue their ticks while the clock is moved", async () => {
    const jobs = createTestJobs({ schedules: [hourly({ overlap: "queue" })] });
    const startedAt = jobs.clock.now().getTime();

    await jobs.clock.advance(3 * hourMs);

    const ticks = (await enqueued(jobs, report)).map(({ payload }) => payload.at);
    const first = Math.floor(startedAt / hourMs) + 1;
    expect(ticks).toEqual([0, 1, 2].map((index) => new Date((first + index) * hourMs).toISOString()));
  });

  it("skip a tick while the job of an earlier one waits, and replace it, as overlap says", async () => {
    const skipping = createTestJobs({ schedules: [hourly()] });
    const replacing = createTestJobs({ schedules: [hourly({ overlap: "replace" })] });

    for (const jobs of [skipping, replacing]) await jobs.clock.advance(3 * hourMs);

    const [[skipped], [replaced]] = await Promise.all([enqueued(skipping, report), enqueued(replacing, report)]);
    const twoHours = Date.parse(replaced!.payload.at) - Date.parse(skipped!.payload.at);
    expect(twoHours).toBe(2 * hourMs);
  });

  it("run each job at its time in mode inline, with the id that the real ones have", async () => {
    const { ran, performed } = ledger();
    const jobs = createTestJobs({ mode: "inline", tasks: [performed], schedules: [hourly()] });

    await jobs.clock.advance(2 * hourMs);

    expect(ran).toHaveLength(2);
    expect(ran[0]?.key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{8}ac5e$/);
  });

  it("come once a day through a change of the clock", async () => {
    const { ran, performed } = ledger();
    const night = schedule(report, {
      cron: "30 2 * * *",
      timeZone: "Europe/Berlin",
      payload: ({ at }) => ({ at: at.toISOString() }),
    });
    const jobs = createTestJobs({ schedules: [night] });

    for (let day = 0; day < 366; day++) {
      await jobs.clock.advance(24 * hourMs);
      await drain(jobs, { tasks: [performed] });
    }

    const days = ran.map(({ at }) => new Date(at).toLocaleDateString("sv", { timeZone: "Europe/Berlin" }));
    expect(new Set(days).size).toBe(days.length);
    expect(days.length).toBeGreaterThanOrEqual(365);
  });

  it("throw what the code throws that makes their payload", async () => {
    const broken = hourly({
      payload: () => {
        throw new Error("broken");
      },
    });
    const jobs = createTestJobs({ schedules: [broken] });

    await expect(jobs.clock.advance(hourMs)).rejects.toThrow("broken");
  });

  it("are refused as a worker refuses them", () => {
    expect(() => createTestJobs({ schedules: [hourly(), hourly()] })).toThrow(
      expect.objectContaining({ code: "OPTIONS_INVALID" }),
    );
    expect(() => createTestJobs({ schedules: [perform(report, () => undefined)] as never })).toThrow(
      expect.objectContaining({ code: "OPTIONS_INVALID" }),
    );
  });
});
