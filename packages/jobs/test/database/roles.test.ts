import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createTestDatabase } from "@acme/test-postgres";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform, type Jobs, type JobsOptions } from "../../src/index.ts";
import { codesOf, examine, findingOf } from "../support/examine.ts";
import { collectInto, type LogLine } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const guide = readFileSync(new URL("../../../../docs/guides/roles.md", import.meta.url), "utf8");

const roleNames = ["owner", "app", "relay", "worker", "viewer", "operator"] as const;
type Role = (typeof roleNames)[number];

/** Roles belong to a server, which other tests use, too. */
const suffix = randomBytes(4).toString("hex");
const own = (sql: string) => sql.replaceAll(/\bjobs_(owner|app|relay|worker|viewer|operator)\b/g, `jobs_$1_${suffix}`);
const roleOf = (role: Role) => own(`jobs_${role}`);

/** The statements of the guide, in its order. */
const blocks = [...guide.matchAll(/```sql( \w+)?\n([\s\S]*?)```/g)].map(([, part = "", sql = ""]) => ({
  part: part.trim(),
  sql: own(sql),
}));
const grantsOf = (part: string) => blocks.filter((block) => block.part === part).map(({ sql }) => sql);

interface Databases extends AsyncDisposable {
  readonly jobs: { readonly url: string; readonly pool: Pool };
  readonly outbox: { readonly url: string; readonly pool: Pool };
}

function as(url: string, role: Role): string {
  const changed = new URL(url);
  changed.username = `${roleOf(role)}_login`;
  changed.password = "x";
  return changed.href;
}

function poolAs(url: string, role: Role): Pool {
  const pool = new Pool({ connectionString: as(url, role) });
  // The database is dropped while its connections are idle.
  pool.on("error", () => undefined);
  onTestFinished(() => pool.end());
  return pool;
}

function jobsAs(role: Role, options: { connection?: string; outbox?: string }, log: LogLine[] = []): Jobs {
  const jobs = createJobs({
    ...(options.connection !== undefined && { connection: as(options.connection, role) }),
    ...(options.outbox !== undefined && { outbox: { connection: as(options.outbox, role) } }),
    logger: collectInto(log),
  } satisfies JobsOptions);
  onTestFinished(() => jobs.close());
  return jobs;
}

/** Both databases, migrated by the owner, with the grants of the guide. */
async function prepare(): Promise<Databases> {
  const [jobs, outbox] = [await createTestDatabase(), await createTestDatabase()];
  const pools = { jobs: jobs.pool(), outbox: outbox.pool() };
  const [, mayCreate] = grantsOf("");
  for (const pool of Object.values(pools)) await pool.query(String(mayCreate));
  await using asOwner = createJobs({
    connection: as(jobs.url, "owner"),
    outbox: { connection: as(outbox.url, "owner") },
    logger: collectInto([]),
  });
  await asOwner.migrate();
  for (const part of ["jobs", "outbox"] as const) await grant(part === "jobs" ? jobs.url : outbox.url, part);
  return {
    jobs: { url: jobs.url, pool: pools.jobs },
    outbox: { url: outbox.url, pool: pools.outbox },
    async [Symbol.asyncDispose]() {
      await jobs[Symbol.asyncDispose]();
      await outbox[Symbol.asyncDispose]();
    },
  };
}

async function grant(url: string, part: string): Promise<void> {
  const pool = poolAs(url, "owner");
  for (const sql of grantsOf(part)) await pool.query(sql);
}

let server: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  server = await createTestDatabase();
  const [roles, , stats] = grantsOf("");
  await server.pool().query(`${roles}; ${stats}`);
  for (const role of roleNames) {
    await server.pool().query(`create role ${roleOf(role)}_login login password 'x' in role ${roleOf(role)}`);
  }
  await server.pool().query(`alter role ${roleOf("owner")}_login set role ${roleOf("owner")}`);
});
afterAll(async () => {
  const pool = server.pool();
  for (const role of roleNames) await pool.query(`drop role ${roleOf(role)}_login; drop role ${roleOf(role)}`);
  await server[Symbol.asyncDispose]();
});

const count = async (pool: Pool, sql: string) => (await pool.query(sql)).rowCount;
const jobCount = (pool: Pool) => count(pool, "select from graphile_worker.jobs");
const rowCount = (pool: Pool) => count(pool, "select from acme_jobs.outbox");

const kill = (pool: Pool) =>
  pool.query(
    `update graphile_worker._private_jobs set locked_by = 'dead', locked_at = now() - interval '5 minutes', attempts = 1;
     insert into acme_jobs.workers (pool_id, heartbeat_at) values ('dead', now() - interval '5 minutes')`,
  );

const addDeadLetter = (pool: Pool, id: string) =>
  pool.query(
    `insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at)
     values ($1, 't', '{"n": 1}', 0, 'r', 1, '[]', now())`,
    [id],
  );

describe("with the rights of the guide", () => {
  it("an app enqueues in its own transaction, replaces by key, and uses named queues", async () => {
    await using databases = await prepare();
    const jobs = jobsAs("app", { connection: databases.jobs.url });
    const client = await poolAs(databases.jobs.url, "app").connect();

    await jobs.migrate();
    await client.query("begin");
    await jobs.enqueue(task, { n: 1 }, { tx: client, key: "k", queue: "q" });
    await client.query("commit");
    await jobs.enqueue(task, { n: 2 }, { key: "k" });
    await jobs.enqueueMany(task, [{ n: 3 }, { n: 4 }]);

    client.release();

    expect(await jobCount(databases.jobs.pool)).toBe(3);
  });

  it("an app cannot take, unlock or delete jobs, and sees nothing of dead letters and workers", async () => {
    await using databases = await prepare();
    const jobs = jobsAs("app", { connection: databases.jobs.url });
    await jobs.enqueue(task, { n: 1 });
    const pool = poolAs(databases.jobs.url, "app");

    for (const sql of [
      "select graphile_worker.complete_jobs(array(select id from graphile_worker._private_jobs))",
      "select graphile_worker.force_unlock_workers(array['w'])",
      "update graphile_worker._private_jobs set locked_by = 'me'",
      "select from acme_jobs.dead_letters",
      "select from acme_jobs.workers",
      "create table acme_jobs.mine ()",
    ]) {
      await expect(pool.query(sql)).rejects.toMatchObject({ code: "42501" });
    }
  });

  it("an app writes to the outbox without any right in the jobs database, and cannot remove rows", async () => {
    await using databases = await prepare();
    const jobs = jobsAs("app", { outbox: databases.outbox.url });
    const pool = poolAs(databases.outbox.url, "app");

    await jobs.migrateOutbox();
    await jobs.enqueue(task, { n: 1 });

    expect(await rowCount(databases.outbox.pool)).toBe(1);
    await expect(pool.query("delete from acme_jobs.outbox")).rejects.toMatchObject({ code: "42501" });
    await expect(pool.query("update acme_jobs.outbox set task = 't'")).rejects.toMatchObject({ code: "42501" });
  });

  it("a relay moves rows, also one that is refused, and can neither add nor change rows, nor run jobs", async () => {
    await using databases = await prepare();
    const app = jobsAs("app", { outbox: databases.outbox.url });
    await app.enqueueMany(task, [{ n: 1 }, { n: 2 }]);
    await databases.outbox.pool.query(
      `insert into acme_jobs.outbox (id, task, payload, preserve_run_at) values (gen_random_uuid(), repeat('x', 200), '{}', false)`,
    );
    const relay = jobsAs("relay", { connection: databases.jobs.url, outbox: databases.outbox.url });
    const pool = poolAs(databases.outbox.url, "relay");

    relay.startRelay();

    await expect.poll(() => rowCount(databases.outbox.pool)).toBe(0);
    expect(await jobCount(databases.jobs.pool)).toBe(2);
    expect(await count(databases.jobs.pool, "select from acme_jobs.dead_letters")).toBe(1);
    await expect(pool.query("update acme_jobs.outbox set task = 't'")).rejects.toMatchObject({ code: "42501" });
    await expect(pool.query("update acme_jobs.outbox set position = default")).resolves.toBeDefined();
    await expect(
      pool.query(
        "insert into acme_jobs.outbox (id, task, payload, preserve_run_at) values (gen_random_uuid(), 't', '{}', false)",
      ),
    ).rejects.toMatchObject({ code: "42501" });
  });

  it("a worker runs jobs, retries, makes dead letters and recovers dead workers, and cannot change tables", async () => {
    await using databases = await prepare();
    const app = jobsAs("app", { connection: databases.jobs.url });
    await app.enqueue(task, { n: 0 });
    await kill(databases.jobs.pool);
    await app.enqueueMany(task, [{ n: 1 }, { n: 2 }, { n: 3 }], { queue: "q" });
    await databases.jobs.pool.query("select graphile_worker.add_job('t', '{\"n\": \"not a number\"}')");
    const ran: number[] = [];
    const log: LogLine[] = [];
    const worker = jobsAs("worker", { connection: databases.jobs.url }, log);
    const pool = poolAs(databases.jobs.url, "worker");

    const work = ({ n }: { n: number }) => {
      ran.push(n);
      if (n === 3) throw new Error("no");
    };
    await worker.startWorker({ tasks: [perform(task, work)], heartbeatMs: 100, deadAfterMs: 500 });

    await expect.poll(() => new Set(ran).size).toBe(4);
    await expect.poll(() => count(databases.jobs.pool, "select from acme_jobs.failures where is_settled")).toBe(1);
    await expect.poll(() => count(databases.jobs.pool, "select from acme_jobs.dead_letters")).toBe(1);
    expect(log.filter(({ fields }) => JSON.stringify(fields).includes("permission denied"))).toEqual([]);
    expect(codesOf(await examine({ jobs: as(databases.jobs.url, "worker") }))).toEqual([]);
    await expect(pool.query("drop table acme_jobs.dead_letters")).rejects.toMatchObject({ code: "42501" });
    await expect(pool.query("create table acme_jobs.mine ()")).rejects.toMatchObject({ code: "42501" });
    await worker.close();
  });

  it("a viewer examines and lists, and changes nothing", async () => {
    await using databases = await prepare();
    const app = jobsAs("app", { connection: databases.jobs.url });
    await app.enqueue(task, { n: 1 }, { queue: "q" });
    await addDeadLetter(databases.jobs.pool, "d");
    const { jobs, outbox } = databases;
    const viewer = jobsAs("viewer", { connection: jobs.url, outbox: outbox.url });

    expect(codesOf(await examine({ jobs: as(jobs.url, "viewer"), outbox: as(outbox.url, "viewer") }))).toEqual([]);
    expect(await viewer.deadLetters.list()).toHaveLength(1);
    await expect(viewer.deadLetters.discard("d")).rejects.toMatchObject({ code: "JOBS_DATABASE_REFUSED" });
    await expect(viewer.deadLetters.retry("d")).rejects.toMatchObject({ code: "JOBS_DATABASE_REFUSED" });
    await expect(viewer.enqueue(task, { n: 1 })).rejects.toMatchObject({ code: "42501" });
  });

  it("a viewer finds orphaned queues, and is told that it may not mend them", async () => {
    await using databases = await prepare();
    await databases.jobs.pool.query(
      "insert into graphile_worker._private_job_queues (queue_name, locked_by, locked_at) values ('q', 'w', now() - interval '5 minutes')",
    );

    const findings = await examine({ jobs: as(databases.jobs.url, "viewer") }, { fix: true });

    expect(codesOf(findings)).toEqual(["QUEUES_ORPHANED", "FIX_FAILED"]);
    expect(findingOf(findings, "FIX_FAILED")?.what).toContain("42501");
  });

  it("an operator retries, discards, puts off and mends, and cannot be a worker", async () => {
    await using databases = await prepare();
    const { pool, url } = databases.jobs;
    const operator = jobsAs("operator", { connection: url });
    const asOperator = poolAs(url, "operator");
    await addDeadLetter(pool, "retried");
    await addDeadLetter(pool, "discarded");

    await operator.deadLetters.retry("retried");
    await operator.deadLetters.discard("discarded");
    await operator.enqueue(task, { n: 2 }, { queue: "q" });
    await kill(pool);
    const mended = await examine({ jobs: as(url, "operator") }, { fix: true });
    const ids = "array(select id from graphile_worker.jobs)";
    await asOperator.query(`select graphile_worker.reschedule_jobs(${ids}, run_at := now() + interval '1 hour')`);
    await asOperator.query(`select graphile_worker.complete_jobs(${ids})`);

    expect(codesOf(mended)).toEqual(["LOCKS_OF_DEAD_WORKERS"]);
    expect(findingOf(mended, "LOCKS_OF_DEAD_WORKERS")?.isMended).toBe(true);
    expect(await jobCount(pool)).toBe(0);
    await expect(asOperator.query("insert into acme_jobs.workers (pool_id) values ('me')")).rejects.toMatchObject({
      code: "42501",
    });
    await expect(asOperator.query("drop table acme_jobs.dead_letters")).rejects.toMatchObject({ code: "42501" });
  });

  it("all of them go on after a later migration, and a new table waits for its grants", async () => {
    await using databases = await prepare();
    const { url } = databases.jobs;
    const asOwner = poolAs(url, "owner");
    await asOwner.query(
      `alter table acme_jobs.workers add column later jsonb;
       alter table acme_jobs.dead_letters add column later text;
       create table acme_jobs.later (n int)`,
    );
    const viewer = poolAs(url, "viewer");

    await expect(viewer.query("select later from acme_jobs.workers")).resolves.toBeDefined();
    await expect(viewer.query("select from acme_jobs.later")).rejects.toMatchObject({ code: "42501" });
    await grant(url, "jobs");
    await grant(url, "jobs");

    const ran: number[] = [];
    await jobsAs("app", { connection: url }).enqueue(task, { n: 1 });
    const worker = jobsAs("worker", { connection: url });
    await worker.startWorker({ tasks: [perform(task, ({ n }) => void ran.push(n))] });
    await expect.poll(() => ran).toEqual([1]);
    // Before its database goes, in which it writes the end of the job.
    await worker.close();
  });
});

/** The rows of the last table of the guide. */
const missing = [
  ...guide.matchAll(/^\| `((?:revoke|drop) [^`]+)` +\| `jobs_(\w+)` ([^|]+?) +\| `(\w+)`: ([^|]+?) +\|$/gm),
].map(([, sql = "", role = "", when = "", code = "", message = ""]) => ({
  sql,
  role: role as Role,
  when,
  code,
  message,
}));

describe("a right that is missing", () => {
  const actions: Readonly<Record<string, (databases: Databases, role: Role) => Promise<unknown>>> = {
    async "enqueues with `tx`"({ jobs }, role) {
      const client = await poolAs(jobs.url, role).connect();
      await client.query("begin");
      try {
        await jobsAs(role, { connection: jobs.url }).enqueue(task, { n: 1 }, { tx: client });
      } finally {
        client.release(true);
      }
    },
    async "enqueues without"({ jobs }, role) {
      await jobsAs(role, { connection: jobs.url }).enqueue(task, { n: 1 });
    },
    async "enqueues to the outbox"({ outbox }, role) {
      await jobsAs(role, { outbox: outbox.url }).enqueue(task, { n: 1 });
    },
    async starts({ jobs }, role) {
      await jobsAs(role, { connection: jobs.url }).startWorker({ tasks: [perform(task, () => undefined)] });
    },
    async "works, and gives up after a while"({ jobs }, role) {
      const worker = await jobsAs(role, { connection: jobs.url }).startWorker({
        tasks: [perform(task, () => undefined)],
        giveUpAfterMs: 1_000,
      });
      await worker.finished.catch((error: unknown) => {
        const { code, cause } = error as { code: string; cause: Error };
        throw Object.assign(new Error(cause.message), { code });
      });
    },
    async "moves rows; it warns and keeps trying"(databases, role) {
      await databases.outbox.pool.query(
        "insert into acme_jobs.outbox (id, task, payload, preserve_run_at) values (gen_random_uuid(), 't', '{}', false)",
      );
      const log: LogLine[] = [];
      jobsAs(role, { connection: databases.jobs.url, outbox: databases.outbox.url }, log).startRelay();
      await expect.poll(() => log.length).toBeGreaterThan(0);
      throw log[0]?.fields["err"] as Error;
    },
    async "asks the doctor"({ jobs }, role) {
      const [finding] = await examine({ jobs: as(jobs.url, role) }).then((all) =>
        all.filter(({ code }) => codesOf(all).includes(code)),
      );
      throw Object.assign(new Error(finding?.what), { code: finding?.code });
    },
    async "discards a job"({ jobs }, role) {
      await jobsAs(role, { connection: jobs.url }).enqueue(task, { n: 1 });
      const pool = poolAs(jobs.url, role);
      await pool.query("select graphile_worker.complete_jobs(array(select id from graphile_worker.jobs))");
    },
  };

  it("is in the table of the guide", () => expect(missing).toHaveLength(12));

  it.each(missing)("says so: $sql", async ({ sql, role, when, code, message }) => {
    await using databases = await prepare();
    const pool = sql.includes("acme_jobs.outbox") ? databases.outbox.pool : databases.jobs.pool;
    await pool.query(own(sql));

    const acting = actions[when]!(databases, role);

    await expect(acting).rejects.toMatchObject({ code });
    await expect(acting).rejects.toThrow(message);
  });
});
