import { describe, expect, it, onTestFinished } from "vitest";
import { createJobs, perform, schedule, type Schedule, type WorkerOptions } from "../../src/index.ts";
import { tickId } from "../../src/schedule/tick-id.ts";
import { killable } from "../support/killable-task.ts";
import { everyMinute, ledger, passMinutes, report, scheduleRow } from "../support/schedules.ts";
import { createTestJobs, collectInto, storedJobs, type LogLine, type TestJobs } from "../support/test-jobs.ts";

const minutely = schedule(report, everyMinute);
const messages = (log: readonly LogLine[], level: LogLine["level"]) =>
  log.filter((line) => line.level === level).map(({ message }) => message);

/** A worker in a process of its own, as far as the database can tell. */
async function startWorker(test: TestJobs, schedules: readonly Schedule[], more: Partial<WorkerOptions> = {}) {
  const log: LogLine[] = [];
  const jobs = createJobs({ connection: test.jobsUrl, logger: collectInto(log) });
  onTestFinished(() => jobs.close());
  const worker = await jobs.startWorker({ tasks: [perform(killable, () => undefined)], schedules, ...more });
  return { worker, log, jobs };
}

describe("a worker with a schedule", () => {
  it("enqueues the job of a tick when its time has come, and runs it", async () => {
    await using test = await createTestJobs();
    const { ran, performed } = ledger();
    await startWorker(test, [minutely], { tasks: [performed] });
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    expect(ran).toEqual([]);

    await passMinutes(test.jobsPool, 1);

    await expect.poll(() => ran, { timeout: 5_000 }).toHaveLength(1);
    const { last_tick_at: at, last_job_id: id, next_at: next } = await scheduleRow(test.jobsPool);
    expect(ran).toEqual([{ at: at.toISOString(), key: id }]);
    expect(id).toBe(tickId("report", at));
    expect(next.getTime() - at.getTime()).toBe(60_000);
  });

  it("goes on where it was before it was restarted", async () => {
    await using test = await createTestJobs();
    const first = await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    await first.worker.stop();
    await passMinutes(test.jobsPool, 5);

    await startWorker(test, [minutely]);

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 5_000 }).toHaveLength(1);
  });

  it("begins anew when the times have changed in the code", async () => {
    await using test = await createTestJobs();
    const first = await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    await first.worker.stop();
    await passMinutes(test.jobsPool, 5);

    await startWorker(test, [schedule(report, { ...everyMinute, every: { minutes: 525_600 } })]);

    await expect
      .poll(() => scheduleRow(test.jobsPool))
      .toMatchObject({ definition: { timing: { everyMinutes: 525_600 } } });
    const { next_at: next } = await scheduleRow(test.jobsPool);
    expect(next.getTime()).toBeGreaterThan(Date.now());
    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });

  it("leaves it to a worker that has declared it differently since, and says so once", async () => {
    await using test = await createTestJobs();
    const older = await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();

    await startWorker(test, [schedule(report, { ...everyMinute, overlap: "queue" })]);

    await expect
      .poll(() => messages(older.log, "warn"), { timeout: 5_000 })
      .toEqual(["another worker has declared the schedule differently since; its declaration counts"]);
    await expect.poll(async () => (await scheduleRow(test.jobsPool)).disputed_at).toBeInstanceOf(Date);
    await passMinutes(test.jobsPool, 1);
    await expect
      .poll(() => storedJobs(test.jobsPool), { timeout: 5_000 })
      .toMatchObject([{ queue: "schedule:report" }]);
  });

  it("declares it again when its row was removed", async () => {
    await using test = await createTestJobs();
    await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();

    await test.jobsPool.query("delete from acme_jobs.schedules");

    await expect.poll(() => scheduleRow(test.jobsPool), { timeout: 5_000 }).toBeDefined();
  });

  it("goes on with its other schedules while one cannot make its job, and says why", async () => {
    await using test = await createTestJobs();
    const broken = schedule(report, {
      ...everyMinute,
      name: "a-broken",
      payload: () => {
        throw new Error("no payload");
      },
    });
    const { log } = await startWorker(test, [broken, minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();

    await passMinutes(test.jobsPool, 1);

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 5_000 }).toHaveLength(1);
    expect((await scheduleRow(test.jobsPool, "a-broken")).failure).toContain("has thrown an error");
    expect(messages(log, "error")).toEqual(["a schedule cannot make its job"]);
  });

  it("goes on when its connections were ended and its row was locked for a while", async () => {
    await using test = await createTestJobs();
    await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    const holder = await test.jobsPool.connect();
    await holder.query("begin; select from acme_jobs.schedules for update");
    await test.jobsPool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid not in (pg_backend_pid(), $1)",
      [(holder as unknown as { processID: number }).processID],
    );
    await holder.query("rollback");
    holder.release();

    await passMinutes(test.jobsPool, 1);

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toHaveLength(1);
  });

  it("stops with it", async () => {
    await using test = await createTestJobs();
    const { worker } = await startWorker(test, [minutely]);
    await expect.poll(() => scheduleRow(test.jobsPool)).toBeDefined();
    await worker.stop();

    await passMinutes(test.jobsPool, 1);
    const before = await scheduleRow(test.jobsPool);
    await startWorker(test, []);

    expect(await scheduleRow(test.jobsPool)).toEqual(before);
    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });
});
