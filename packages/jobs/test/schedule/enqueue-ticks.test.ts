import { describe, expect, it, onTestFinished } from "vitest";
import { schedule, type ScheduleOptions } from "../../src/index.ts";
import { addJobs } from "../../src/graphile/add-jobs.ts";
import { declare } from "../../src/schedule/declare.ts";
import { enqueueDueTicks } from "../../src/schedule/enqueue-ticks.ts";
import { tickId } from "../../src/schedule/tick-id.ts";
import { requestFor } from "../../src/schedule/tick-request.ts";
import { everyMinute, passMinutes, report, scheduleRow, waitingTicks } from "../support/schedules.ts";
import { createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

/** A schedule that has ticked each minute, and was declared that many minutes ago. */
async function declaredFor(minutes: number, options: Partial<ScheduleOptions<{ at: string }>> = {}) {
  const test = await createTestJobs();
  onTestFinished(() => test[Symbol.asyncDispose]());
  const minutely = schedule(report, { ...everyMinute, ...options } as never);
  await declare(test.jobsPool, [minutely]);
  await passMinutes(test.jobsPool, minutes);
  return { test, minutely };
}

const nextAtOf = async ({ jobsPool }: TestJobs) => (await scheduleRow(jobsPool)).next_at as Date;
const minutesAfter = (first: Date, count: number) =>
  Array.from({ length: count }, (_, index) => new Date(first.getTime() + index * 60_000).toISOString());

describe("after a time without workers", () => {
  it("the last tick is made up for", async () => {
    const { test, minutely } = await declaredFor(5);
    const first = await nextAtOf(test);

    await enqueueDueTicks(test.jobsPool, minutely);

    expect(await waitingTicks(test.jobsPool)).toEqual([minutesAfter(first, 5).at(-1)]);
    expect(await nextAtOf(test)).toEqual(new Date(first.getTime() + 5 * 60_000));
  });

  it("each tick is made up for, in order, with backfill all", async () => {
    const { test, minutely } = await declaredFor(5, { overlap: "queue", backfill: "all" });
    const first = await nextAtOf(test);

    await enqueueDueTicks(test.jobsPool, minutely);

    expect(await waitingTicks(test.jobsPool)).toEqual(minutesAfter(first, 5));
    expect(new Set((await storedJobs(test.jobsPool)).map(({ queue }) => queue))).toEqual(new Set(["schedule:report"]));
  });

  it("a hundred ticks at a time are made up for, until none is left", async () => {
    const { test, minutely } = await declaredFor(230, { overlap: "queue", backfill: "all" });
    const first = await nextAtOf(test);

    const counts = [];
    for (let round = 0; round < 4; round++) {
      counts.push((await enqueueDueTicks(test.jobsPool, minutely)).jobIds.length);
    }

    expect(counts).toEqual([100, 100, 30, 0]);
    expect(await waitingTicks(test.jobsPool)).toEqual(minutesAfter(first, 230));
  });

  it("none is made up for with backfill none, but what is late by less than a minute", async () => {
    const { test, minutely } = await declaredFor(300, { every: { minutes: 120 }, backfill: "none" } as never);
    await test.jobsPool.query("update acme_jobs.schedules set next_at = now() - interval '50 s' where name = 'report'");
    const onTime = await enqueueDueTicks(test.jobsPool, minutely);
    await test.jobsPool.query("update acme_jobs.schedules set next_at = now() - interval '70 s', last_tick_at = null");
    const missed = await enqueueDueTicks(test.jobsPool, minutely);

    expect([onTime.jobIds.length, missed.jobIds.length]).toEqual([1, 0]);
    expect((await nextAtOf(test)).getTime()).toBeGreaterThan(Date.now());
  });
});

describe("while the job of an earlier tick waits", () => {
  const secondTick = async (options: Partial<ScheduleOptions<{ at: string }>>) => {
    const { test, minutely } = await declaredFor(1, options);
    const earlier = new Date((await nextAtOf(test)).getTime() - 60_000);
    await addJobs(test.jobsPool, [await requestFor(minutely, earlier, tickId("report", earlier))]);
    await enqueueDueTicks(test.jobsPool, minutely);
    return { test, earlier: earlier.toISOString() };
  };

  it("a tick is skipped, and the row says so", async () => {
    const { test, earlier } = await secondTick({});

    expect(await waitingTicks(test.jobsPool)).toEqual([earlier]);
    expect(await storedJobs(test.jobsPool)).toMatchObject([{ key: "report:schedule:report" }]);
    expect((await scheduleRow(test.jobsPool)).skipped_at).toBeInstanceOf(Date);
  });

  it("a tick replaces it with overlap replace", async () => {
    const { test } = await secondTick({ overlap: "replace" });

    const { last_tick_at: last, skipped_at: skippedAt } = await scheduleRow(test.jobsPool);
    expect(await waitingTicks(test.jobsPool)).toEqual([last.toISOString()]);
    expect(skippedAt).toBeNull();
  });
});

describe("a tick", () => {
  it("becomes one job, however many workers try at once", async () => {
    const { test, minutely } = await declaredFor(1, { overlap: "queue" });
    // So that all of them are between their look and their write at once.
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_jobs");
    let endedCount = 0;
    const tries = Array.from({ length: 8 }, () => enqueueDueTicks(test.jobsPool, minutely).finally(() => endedCount++));
    await expect.poll(async () => endedCount + (await countWaiting(test))).toBe(8);
    await holder.query("commit");
    holder.release();

    const enqueuedByAll = await Promise.all(tries);

    expect(enqueuedByAll.flatMap(({ jobIds }) => jobIds)).toHaveLength(1);
    expect(await waitingTicks(test.jobsPool)).toHaveLength(1);
  });

  it("has a job id that follows from schedule and tick, and that purges know for one", async () => {
    const { test, minutely } = await declaredFor(1);
    const at = await nextAtOf(test);

    const { jobIds } = await enqueueDueTicks(test.jobsPool, minutely);

    expect(jobIds).toEqual([tickId("report", at)]);
    expect(tickId("report", at)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{8}ac5e$/);
    expect(tickId("report", at)).not.toBe(tickId("other", at));
  });

  it("never comes again, whatever the row says", async () => {
    const { test, minutely } = await declaredFor(1, { overlap: "queue" });
    const at = await nextAtOf(test);
    await enqueueDueTicks(test.jobsPool, minutely);
    await test.jobsPool.query("update acme_jobs.schedules set next_at = $1", [at]);

    await enqueueDueTicks(test.jobsPool, minutely);

    expect(await waitingTicks(test.jobsPool)).toEqual([at.toISOString()]);
  });

  it("is not lost when its payload cannot be made", async () => {
    let isBroken = true;
    const payload = ({ at }: { at: Date }) => {
      if (isBroken) throw new Error("broken");
      return { at: at.toISOString() };
    };
    const { test, minutely } = await declaredFor(1, { payload });
    const at = await nextAtOf(test);

    await expect(enqueueDueTicks(test.jobsPool, minutely)).rejects.toMatchObject({
      failure: expect.stringContaining("has thrown"),
    });
    isBroken = false;
    await enqueueDueTicks(test.jobsPool, minutely);

    expect(await waitingTicks(test.jobsPool)).toEqual([at.toISOString()]);
  });
});

async function countWaiting({ jobsPool }: TestJobs): Promise<number> {
  const { rows } = await jobsPool.query(
    "select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows[0].count;
}
