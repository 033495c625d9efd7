import { startServer, startStandby } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { killable, single } from "../support/killable-task.ts";
import { recordStatements } from "../support/recorded-statements.ts";
import { collectInto, createTestJobs, migrateOutbox } from "../support/test-jobs.ts";
import { readOverview } from "../../src/admin/overview.ts";
import { readTaskStatistics } from "../../src/admin/task-statistics.ts";
import { readTaskMinutes } from "../../src/admin/task-minutes.ts";
import { takeSampleIfDue } from "../../src/statistics/sampler.ts";
import { createJobs } from "../../src/index.ts";

const logger = collectInto([]);

describe("an overview", () => {
  it("adds up the last sample, and does not count the jobs", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueueMany(killable, [{ n: 1 }, { n: 2 }]);
    await test.jobs.enqueue(single, { n: 1 }, { runAt: new Date(Date.now() + 3_600_000) });
    await takeSampleIfDue({ pool: test.jobsPool, logger });
    await test.jobs.enqueue(killable, { n: 3 });
    const pool = new Pool({ connectionString: test.jobsUrl });
    const statements = recordStatements(pool);

    const overview = await readOverview({ jobs: pool });
    await pool.end();

    expect(overview).toMatchObject({
      isCapped: false,
      due: 2,
      scheduled: 1,
      locked: 0,
      dead: 0,
      workersAlive: 0,
      outbox: undefined,
    });
    expect(overview.sampledAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(overview.oldestDueAgeMs).toBeGreaterThan(0);
    expect(statements.filter(({ text }) => text.includes("graphile_worker"))).toEqual([]);
  });

  it.each([
    ["there was none", "delete from acme_jobs.sampler"],
    ["the last one is older than two should be", "update acme_jobs.sampler set fresh_until = clock_timestamp()"],
  ])("counts the jobs if there is no fresh sample, because %s", async (_, spoil) => {
    await using test = await createTestJobs();
    await takeSampleIfDue({ pool: test.jobsPool, logger });
    await test.jobs.enqueueMany(killable, [{ n: 1 }, { n: 2 }]);

    await test.jobsPool.query(spoil);

    expect(await readOverview({ jobs: test.jobsPool })).toMatchObject({ sampledAt: undefined, due: 2 });
  });

  it("ends within seconds where the jobs are locked", { timeout: 20_000 }, async () => {
    await using test = await createTestJobs();
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_jobs");
    const beganAt = performance.now();

    await expect(readOverview({ jobs: test.jobsPool })).rejects.toMatchObject({ code: "JOBS_DATABASE_UNREACHABLE" });

    expect(performance.now() - beganAt).toBeLessThan(4_000);
    await holder.query("rollback");
    holder.release();
  });

  it("says what waits in the outbox, or why that is not known", async () => {
    await using test = await createTestJobs({ outbox: true });
    const down = new Pool({ connectionString: "postgres://127.0.0.1:1/none" });
    await test.jobs.enqueue(killable, { n: 1 });
    const outboxOf = async (pool: Pool) => (await readOverview({ jobs: test.jobsPool, outbox: () => pool })).outbox;

    expect(await outboxOf(test.dataPool)).toMatchObject({ pendingCount: 1 });
    expect(await outboxOf(test.jobsPool)).toBe("not migrated");
    expect(await outboxOf(down)).toBe("down");
    await migrateOutbox(test.jobsUrl);
    expect(await outboxOf(test.jobsPool)).toEqual({ pendingCount: 0, oldestAgeMs: 0 });
  });

  it("is refused with a code where tables are missing, or the database cannot be reached", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("drop schema acme_jobs cascade");

    await expect(readOverview({ jobs: test.jobsPool })).rejects.toMatchObject({ code: "MIGRATION_MISSING" });
    await expect(
      readOverview({ jobs: new Pool({ connectionString: "postgres://127.0.0.1:1/none" }) }),
    ).rejects.toMatchObject({ code: "JOBS_DATABASE_UNREACHABLE" });
  });
});

describe("on a standby, which has no statistics", () => {
  it("jobs are counted, and there are no minutes", { timeout: 120_000 }, async () => {
    await using primary = await startServer();
    await using jobs = createJobs({ connection: primary.url(), logger });
    await jobs.migrate();
    await jobs.enqueue(killable, { n: 1 });
    await jobs.close();
    await using standby = await startStandby(primary);
    const pool = new Pool({ connectionString: standby.url() });

    await expect.poll(() => readOverview({ jobs: pool }), { timeout: 20_000 }).toMatchObject({ due: 1 });
    expect(await readTaskStatistics(pool)).toMatchObject([{ task: "killable", due: 1, runMs: undefined }]);
    expect(await readTaskMinutes(pool)).toEqual([]);
    await pool.end();
  });
});
