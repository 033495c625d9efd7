import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform, schedule, type Schedule } from "../../src/index.ts";
import { declare } from "../../src/schedule/declare.ts";
import { enqueueDueTicks } from "../../src/schedule/enqueue-ticks.ts";
import { killable } from "../support/killable-task.ts";
import { everyMinute, passMinutes, report, scheduleRow } from "../support/schedules.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

/** A task whose payload is looked up, which takes a while. */
const lookedUp = (name: string, lookUp: () => Promise<boolean>) =>
  defineTask(name, { payload: z.object({ at: z.string() }).refine(lookUp) });

async function startWorker({ jobsUrl }: TestJobs, schedules: readonly Schedule[]): Promise<void> {
  const jobs = createJobs({ connection: jobsUrl, logger: collectInto([]) });
  onTestFinished(() => jobs.close());
  await jobs.startWorker({ tasks: [perform(killable, () => undefined)], schedules });
}

async function distinctPayloads({ jobsPool }: TestJobs): Promise<number> {
  const { rows } = await jobsPool.query(
    "select count(distinct payload::text)::int as count from graphile_worker._private_jobs",
  );
  return rows[0].count;
}

describe("a schedule whose payloads take long", () => {
  it("keeps no other schedule waiting if they never come, and says why", async () => {
    await using test = await createTestJobs();
    const hanging = lookedUp("hanging", () => new Promise<never>(() => undefined));
    await startWorker(test, [schedule(hanging, { ...everyMinute, name: "a-hanging" }), schedule(report, everyMinute)]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();

    await passMinutes(test.jobsPool, 1);

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toMatchObject([{ task: "report" }]);
    await expect.poll(async () => (await scheduleRow(test.jobsPool, "a-hanging")).failure).toContain("within 1000 ms");
  });

  it("makes up for all its ticks, as many at a time as there is time for", async () => {
    await using test = await createTestJobs();
    const slow = lookedUp("slow", () => new Promise((resolve) => setTimeout(() => resolve(true), 50)));
    const minutely = schedule(slow, { ...everyMinute, overlap: "queue", backfill: "all" });
    await declare(test.jobsPool, [minutely]);
    await passMinutes(test.jobsPool, 65);

    let count = 0;
    await expect
      .poll(async () => (count += (await enqueueDueTicks(test.jobsPool, minutely)).jobIds.length), { timeout: 15_000 })
      .toBe(65);

    expect(await distinctPayloads(test)).toBe(65);
  });
});
