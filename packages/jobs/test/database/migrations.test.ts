import { createTestDatabase } from "@acme/test-postgres";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs } from "../support/test-jobs.ts";
import { knownRevision } from "../../src/graphile/migrate-graphile-worker.ts";
import { createJobs, defineTask, perform } from "../../src/index.ts";

const task = defineTask("t", { payload: z.object({}) });
const tasks = [perform(task, () => undefined)];

/** As a later version of the package leaves them. */
async function migrateFurther(pool: pg.Pool, part: string): Promise<void> {
  await pool.query(
    "insert into acme_jobs.migrations (part, version) select $1, max(version) + 1 from acme_jobs.migrations where part = $1",
    [part],
  );
}

const older = expect.objectContaining({
  code: "MIGRATION_NEWER",
  message: expect.stringContaining("Update") as string,
});

describe("a package that is older than the tables of the jobs", () => {
  it.each([{ migrate: true }, { migrate: false }])("refuses to start a worker with %o", async (options) => {
    await using test = await createTestJobs();
    await migrateFurther(test.jobsPool, "jobs");

    await expect(test.jobs.startWorker({ tasks, ...options })).rejects.toThrow(older as Error);
  });

  it("refuses to migrate them, and those of the outbox", async () => {
    await using test = await createTestJobs({ outbox: true });
    await migrateFurther(test.jobsPool, "jobs");
    await migrateFurther(test.dataPool, "outbox");

    await expect(test.jobs.migrate()).rejects.toThrow(older as Error);
    await expect(test.jobs.migrateOutbox()).rejects.toThrow(older as Error);
  });
});

describe("a package that is newer than the tables of the jobs", () => {
  it("refuses to start a worker that is not to migrate them", async () => {
    await using database = await createTestDatabase();
    await using jobs = createJobs({ connection: database.url });
    await jobs.migrate();
    await database.pool().query("delete from acme_jobs.migrations where version > 1");

    await expect(jobs.startWorker({ tasks, migrate: false })).rejects.toMatchObject({ code: "MIGRATION_MISSING" });
  });
});

describe("tables that are up to date", () => {
  it("keep no worker waiting for a process that hangs while it migrates", async () => {
    await using test = await createTestJobs();
    const hung = await test.jobsPool.connect();
    await hung.query("begin; select pg_advisory_xact_lock(hashtextextended('acme_jobs:migrate', 0))");

    await using worker = await test.jobs.startWorker({ tasks });

    expect(worker.state).toBe("running");
    await hung.query("rollback");
    hung.release();
  });

  it("are at the revision of Graphile Worker that the package knows", async () => {
    await using test = await createTestJobs();

    const { rows } = await test.jobsPool.query("select max(id) as revision from graphile_worker.migrations");

    expect(rows).toEqual([{ revision: knownRevision }]);
  });
});
