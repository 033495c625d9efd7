import { createTestDatabase } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { forgetBegun, hasBegun, noteBegun } from "../../src/database/migrate.ts";
import { createJobs, defineTask, perform, retry } from "../../src/index.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }), retry: retry.never });

/** For all sessions that begin from now on. */
async function setForDatabase(test: TestJobs, setting: string, value: string): Promise<void> {
  const name = new URL(test.jobsUrl).pathname.slice(1);
  await test.jobsPool.query(`alter database "${name}" set ${setting} = '${value}'`);
}

describe("whatever a database has set for its sessions", () => {
  it.each([
    ["timezone", "America/New_York"],
    ["datestyle", "German"],
    ["datestyle", "SQL, DMY"],
  ])("jobs taken together begin in the order of their times (%s %s)", async (setting, value) => {
    await using test = await createTestJobs();
    await setForDatabase(test, setting, value);
    // In New York the hour before six was the same one as that after, by its name; days and months change places elsewhere.
    const times = ["2025-11-02T06:15:00Z", "2025-11-02T05:30:00Z", "2025-10-31T12:00:00Z", "2025-12-01T00:00:00Z"];
    for (const [n, time] of times.entries()) await test.jobs.enqueue(task, { n }, { runAt: new Date(time) });
    await using jobs = createJobs({ connection: test.jobsUrl, logger: collectInto([]) });
    const begun: number[] = [];
    await jobs.startWorker({ tasks: [perform(task, ({ n }) => void begun.push(n))], migrate: false });

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);

    expect(begun).toEqual([2, 1, 0, 3]);
  });

  it("the times, payload and errors of dead letters are read as they are", async () => {
    await using test = await createTestJobs();
    await setForDatabase(test, "datestyle", "German");
    const pool = new Pool({ connectionString: test.jobsUrl, types: { getTypeParser: () => (text: string) => text } });
    await using jobs = createJobs({ connection: pool, logger: collectInto([]) });
    await jobs.startWorker({ tasks: [perform(task, () => Promise.reject(new Error("on purpose")))], migrate: false });
    const before = Date.now();

    await jobs.enqueue(task, { n: 1 });
    await expect.poll(() => jobs.deadLetters.list()).toHaveLength(1);

    const [letter] = await jobs.deadLetters.list();
    expect(letter).toMatchObject({ payload: { n: 1 }, errors: [{ attempt: 1, message: "on purpose" }] });
    expect(letter?.diedAt).toBeInstanceOf(Date);
    expect(Math.abs(Number(letter?.enqueuedAt) - before)).toBeLessThan(60_000);
    await jobs.close();
    await pool.end();
  });

  it("several processes may migrate at once", async () => {
    await using database = await createTestDatabase();
    const name = new URL(database.url).pathname.slice(1);
    await database.pool().query(`alter database "${name}" set default_transaction_isolation = 'repeatable read'`);
    const url = database.url;
    const options = { connection: url, outbox: { connection: url }, logger: collectInto([]) };
    const processes = Array.from({ length: 5 }, () => createJobs(options));

    await Promise.all(processes.map((jobs) => jobs.migrateOutbox()));
    await Promise.all(processes.map((jobs) => jobs.migrate()));

    const ids = await Promise.all(processes.map((jobs) => jobs.enqueue(task, { n: 1 })));
    expect(new Set(ids).size).toBe(5);
    await Promise.all(processes.map((jobs) => jobs.close()));
  });

  it("two processes may end a migration at once", async () => {
    await using database = await createTestDatabase();
    const name = new URL(database.url).pathname.slice(1);
    await database.pool().query(`alter database "${name}" set default_transaction_isolation = 'repeatable read'`);
    const pool = database.pool({ max: 3 });
    await noteBegun(pool, "graphile");
    const other = await pool.connect();
    await other.query("begin; delete from acme_jobs.migrations");

    const forgetting = forgetBegun(pool, "graphile");
    const waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    await expect.poll(async () => (await pool.query(waiting)).rowCount).toBe(1);
    await other.query("commit");
    other.release();

    await forgetting;
    expect(await hasBegun(pool, "graphile")).toBe(false);
  });
});
