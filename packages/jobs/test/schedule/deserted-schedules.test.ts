import { describe, expect, it, onTestFinished } from "vitest";
import { createJobs, perform, schedule, type Schedule } from "../../src/index.ts";
import { beginTransaction } from "../../src/database/transaction.ts";
import { declare } from "../../src/schedule/declare.ts";
import { enqueueDueTicks } from "../../src/schedule/enqueue-ticks.ts";
import { killable } from "../support/killable-task.ts";
import { everyMinute, passMinutes, report, scheduleRow } from "../support/schedules.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

const minutely = schedule(report, everyMinute);

async function startWorker({ jobsUrl }: TestJobs, schedules: readonly Schedule[]): Promise<void> {
  const jobs = createJobs({ connection: jobsUrl, logger: collectInto([]) });
  onTestFinished(() => jobs.close());
  await jobs.startWorker({ tasks: [perform(killable, () => undefined)], schedules });
}

/** As if no worker had said for that long that it has them. */
const silentFor = ({ jobsPool }: TestJobs, minutes: number) =>
  jobsPool.query("update acme_jobs.schedules set seen_at = clock_timestamp() - $1 * interval '1 minute'", [minutes]);

describe("a schedule of another version", () => {
  it("is declared again by those that still run when no worker of that version is left", async () => {
    await using test = await createTestJobs();
    await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    await declare(test.jobsPool, [schedule(report, { ...everyMinute, overlap: "queue" })]);
    await passMinutes(test.jobsPool, 1);

    await silentFor(test, 3);

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 15_000 }).toMatchObject([{ queue: null }]);
  });
});

describe("a schedule of which no worker could say for long that it has it", () => {
  it("is left to those that declared it last, if they still run", async () => {
    await using test = await createTestJobs();
    await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    await startWorker(test, [schedule(report, { ...everyMinute, overlap: "queue" })]);
    await expect.poll(async () => (await scheduleRow(test.jobsPool)).definition.overlap).toBe("queue");
    const { declared_at: declaredAt } = await scheduleRow(test.jobsPool);

    for (let round = 0; round < 2; round++) {
      await silentFor(test, 3);
      const isDeclared = async () => (await test.jobs.admin.schedules()).schedules[0]?.isDeclared;
      await expect.poll(isDeclared, { timeout: 5_000 }).toBe(true);
    }

    expect(await scheduleRow(test.jobsPool)).toMatchObject({ declared_at: declaredAt });
  });
});

describe("a schedule that cannot go on", () => {
  it("is declared by its worker all the same, as are the others", async () => {
    await using test = await createTestJobs();
    await startWorker(test, [schedule(report, { ...everyMinute, name: "a-broken" }), minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    await test.jobsPool.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$;
      create trigger refuse before update of enqueued_at on acme_jobs.schedules
        for each row when (old.name = 'a-broken') execute function refuse()`);
    await passMinutes(test.jobsPool, 1);

    await silentFor(test, 3);

    await expect
      .poll(async () => (await test.jobs.admin.schedules()).schedules.map(({ isDeclared }) => isDeclared), {
        timeout: 10_000,
      })
      .toEqual([true, true]);
  });

  it("keeps no other waiting while somebody has locked its row", async () => {
    await using test = await createTestJobs();
    await startWorker(test, [schedule(report, { ...everyMinute, name: "a-locked" }), minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    await silentFor(test, 3);
    await passMinutes(test.jobsPool, 1);
    await using holder = await beginTransaction(test.jobsPool);
    await holder.query("select from acme_jobs.schedules where name = 'a-locked' for update");

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 5_000 }).toHaveLength(1);
  });
});

describe("a schedule that ticked while the server's clock was ahead", () => {
  it("goes on at once after a pause", async () => {
    await using test = await createTestJobs();
    await declare(test.jobsPool, [minutely]);
    await test.jobsPool.query(
      "update acme_jobs.schedules set last_tick_at = next_at + interval '1 day', next_at = next_at + interval '1441 minutes'",
    );

    await test.jobs.admin.pauseSchedule("report");
    await test.jobs.admin.resumeSchedule("report");

    await test.jobsPool.query("update acme_jobs.schedules set next_at = next_at - interval '1 minute'");
    expect(await enqueueDueTicks(test.jobsPool, minutely)).toMatchObject({ jobIds: [expect.any(String)] });
  });
});
