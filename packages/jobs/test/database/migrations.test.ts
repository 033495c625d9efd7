import { createTestDatabase, startProxy } from "@acme/test-postgres";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { startFarProxy } from "../support/far-proxy.ts";
import { collectInto, createTestJobs } from "../support/test-jobs.ts";
import { knownRevision } from "../../src/graphile/revision.ts";
import { createJobs, defineTask, perform } from "../../src/index.ts";

const task = defineTask("t", { payload: z.object({}) });
const tasks = [perform(task, () => undefined)];

/** As a later version of the package leaves them. */
async function migrateFurther(pool: pg.Pool, part: string, { isAdditive = false } = {}): Promise<void> {
  await pool.query(
    `insert into acme_jobs.migrations (part, version, is_additive)
     select $1, max(version) + 1, $2 from acme_jobs.migrations where part = $1`,
    [part, isAdditive],
  );
}

/** A transaction that reads the table, and is open. */
async function holdTable(pool: pg.Pool, table: string) {
  const client = await pool.connect();
  await client.query(`begin; select from ${table} limit 1`);
  let isOpen = true;
  const end = async () => {
    if (!isOpen) return;
    isOpen = false;
    await client.query("rollback");
    client.release();
  };
  return { end, [Symbol.asyncDispose]: end };
}

async function isWaitingForLock(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query(
    "select from pg_stat_activity where wait_event_type = 'Lock' and query like '%alter table%'",
  );
  return rows.length > 0;
}

/** `0` before there is one. */
async function revisionOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool
    .query<{ revision: number | null }>("select max(id) as revision from graphile_worker.migrations")
    .catch(() => ({ rows: [] }));
  return rows[0]?.revision ?? 0;
}

const older = expect.objectContaining({
  code: "MIGRATION_NEWER",
  message: expect.stringContaining("Update") as string,
});

describe("a version of this package older than the tables of the jobs", () => {
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

describe("tables to which a later version of this package has only added", () => {
  it.each([{ migrate: true }, { migrate: false }])("are used by this one, with %o", async (options) => {
    await using test = await createTestJobs({ outbox: true });
    await migrateFurther(test.jobsPool, "jobs", { isAdditive: true });
    await migrateFurther(test.dataPool, "outbox", { isAdditive: true });
    const ran: string[] = [];

    await using worker = await test.jobs.startWorker({
      tasks: [perform(task, (_, { idempotencyKey }) => void ran.push(idempotencyKey))],
      ...options,
    });
    const id = await test.jobs.enqueue(task, {});

    await expect.poll(() => ran).toEqual([id]);
    expect(worker.state).toBe("running");
  });

  it("are refused if one before the last was more than that", async () => {
    await using test = await createTestJobs();
    await migrateFurther(test.jobsPool, "jobs");
    await migrateFurther(test.jobsPool, "jobs", { isAdditive: true });

    await expect(test.jobs.migrate()).rejects.toThrow(older as Error);
  });
});

describe("tables of the first version of this package", () => {
  it("get the column that tells what was only added", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("alter table acme_jobs.migrations drop is_additive");
    await test.jobsPool.query("delete from acme_jobs.migrations where part = 'jobs' and version >= 3");
    await test.jobsPool.query("drop table acme_jobs.schedules, acme_jobs.pauses");
    await test.jobsPool.query("drop table acme_jobs.sampler, acme_jobs.samples, acme_jobs.minutes");
    await test.jobsPool.query("alter table acme_jobs.workers drop about, drop running");
    await test.jobsPool.query("alter table acme_jobs.dead_letters drop flags");
    await test.jobsPool.query("drop index acme_jobs.dead_letters_task, acme_jobs.failures_idempotency_key");
    await using jobs = createJobs({ connection: test.jobsUrl });

    await jobs.migrate();

    const { rows } = await test.jobsPool.query(
      "select version, is_additive from acme_jobs.migrations where part = 'jobs' order by version",
    );
    expect(rows).toEqual([
      { version: 1, is_additive: false },
      { version: 2, is_additive: false },
      { version: 3, is_additive: true },
      { version: 4, is_additive: true },
      { version: 5, is_additive: true },
    ]);
  });
});

describe("a table that a long transaction uses", () => {
  it("is migrated when that has ended, and meanwhile keeps nobody else waiting for long", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.dataPool.query("delete from acme_jobs.migrations where part = 'outbox' and version = 3");
    await test.dataPool.query("alter table acme_jobs.outbox drop flags");
    await using long = await holdTable(test.dataPool, "acme_jobs.outbox");
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: test.dataUrl } });

    const migrating = jobs.migrateOutbox();
    await expect.poll(() => isWaitingForLock(test.dataPool), { interval: 5 }).toBe(true);
    // Behind the migration, which is in line for the table, until that gives up.
    await test.dataPool.query(
      "insert into acme_jobs.outbox (id, task, payload, preserve_run_at) values (gen_random_uuid(), 't', '{}', false)",
    );
    await long.end();

    await migrating;
    await test.dataPool.query("select flags from acme_jobs.outbox");
  });
});

describe("tables of a later, breaking version of Graphile Worker", () => {
  it.each([{ migrate: true }, { migrate: false }])(
    "are refused at the start, with %o, and the exit code is left alone",
    async (options) => {
      await using test = await createTestJobs();
      await test.jobsPool.query("insert into graphile_worker.migrations (id, breaking) values (1000021, true)");

      await expect(test.jobs.startWorker({ tasks, ...options })).rejects.toThrow(older as Error);

      expect(process.exitCode).toBeUndefined();
    },
  );
});

describe("a first migration", () => {
  it("that was cut off is finished by the next process, which does not mistake it for tables of others", async () => {
    await using database = await createTestDatabase();
    await using proxy = await startProxy(database.url);
    await using first = createJobs({ connection: proxy.url, logger: collectInto([]) });
    const cutOff = first.migrate().catch((error: unknown) => error);
    await expect.poll(() => revisionOf(database.pool()), { interval: 2 }).toBeGreaterThan(2);

    proxy.cutAll();
    proxy.refuseConnections();
    await cutOff;
    expect(await revisionOf(database.pool())).toBeLessThan(19);
    await using next = createJobs({ connection: database.url, logger: collectInto([]) });
    await next.migrate();

    expect(await revisionOf(database.pool())).toBe(knownRevision);
    // If other tables replace these, the next migration is refused again.
    const { rows } = await database.pool().query("select distinct part from acme_jobs.migrations");
    expect(rows).toEqual([{ part: "jobs" }]);
  });

  it("may run in two processes at once", async () => {
    await using database = await createTestDatabase();
    await using far = await startFarProxy(database.url, 10);
    await using first = createJobs({ connection: far.url, logger: collectInto([]) });
    await using second = createJobs({ connection: database.url, logger: collectInto([]) });
    const slow = first.migrate();
    await expect.poll(() => revisionOf(database.pool()), { interval: 2 }).toBeGreaterThan(2);

    await Promise.all([slow, second.migrate()]);

    expect(await revisionOf(database.pool())).toBe(knownRevision);
  });
});

describe("a worker that starts without a migration", () => {
  it("names what the database refuses, as a start with a migration does", async () => {
    await using test = await createTestJobs();
    const elsewhere = Object.assign(new URL(test.jobsUrl), { pathname: "/none" }).href;
    await using jobs = createJobs({ connection: elsewhere, logger: collectInto([]) });

    await expect(jobs.startWorker({ tasks, migrate: false })).rejects.toMatchObject({ code: "JOBS_DATABASE_REFUSED" });
  });
});

describe("a version of this package newer than the tables of the jobs", () => {
  it("refuses to start a worker with migrate: false", async () => {
    await using database = await createTestDatabase();
    await using jobs = createJobs({ connection: database.url });
    await jobs.migrate();
    await database.pool().query("delete from acme_jobs.migrations where version > 1");

    await expect(jobs.startWorker({ tasks, migrate: false })).rejects.toMatchObject({ code: "MIGRATION_MISSING" });
  });
});

describe("tables that are up to date", () => {
  it("do not make a worker wait for a process that hangs while it migrates", async () => {
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
