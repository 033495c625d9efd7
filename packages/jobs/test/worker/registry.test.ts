import { runChild, startProxy } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { killable } from "../support/killable-task.ts";
import { startFarProxy } from "../support/far-proxy.ts";
import { loseWorker } from "../support/lost-worker.ts";
import { collectInto, createTestJobs, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, perform, type WorkerOptions } from "../../src/index.ts";

const child = new URL("../children/worker.child.ts", import.meta.url);
const quick = { heartbeatMs: 100, deadAfterMs: 500 };

describe("a lock that no pool knows of", () => {
  it.each([
    ["the same server", "0 hours"],
    ["one that has taken over, whose clock is an hour behind", "1 hour"],
  ])(
    "is not left by a worker that stops when the answer to its question for jobs was lost, on %s",
    async (_, ahead) => {
      await using test = await createTestJobs();
      await addTask(test);
      await using proxy = await startProxy(test.jobsUrl);
      await using jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
      const first = await jobs.startWorker({ tasks: [perform(killable, () => undefined)] });
      const lock = await lockJobs(test);
      await test.jobs.enqueue(killable, { n: 1 }, { tx: lock.client, queue: "one", runAt: longDue });
      await lock.waitedFor();

      proxy.goSilent();
      await lock.release();
      await expect.poll(() => lockedCount(test)).toBe(1);
      await test.jobsPool.query(
        "update graphile_worker._private_jobs set locked_at = locked_at + $1::interval where locked_at is not null",
        [ahead],
      );
      proxy.cutAll();
      proxy.resume();
      await first.stop();

      expect(await lockedCount(test)).toBe(0);
      const { runs } = await start(test);
      await expect.poll(() => runs).toEqual([1]);
    },
  );

  it("is not set late by the backend of a worker that is dead, once others have recovered its jobs", async () => {
    await using test = await createTestJobs();
    await addTask(test);
    await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await killed.waitFor("started");
    const lock = await lockJobs(test);
    await test.jobs.enqueue(killable, { n: 1 }, { tx: lock.client, runAt: longDue });
    await lock.waitedFor();
    await killed.kill("SIGKILL");
    await test.jobsPool.query("delete from acme_jobs.workers");

    await lock.release();
    const { runs } = await start(test);

    await expect.poll(() => runs).toEqual([1]);
  });

  it("is not set by a worker that comes back from the dead before it has registered anew", async () => {
    await using test = await createTestJobs();
    await using lost = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await lost.waitFor("started");
    await test.jobs.enqueue(killable, { n: 1 });
    await lost.waitFor("running 1 1");
    await loseWorker(test.jobsPool, lost);
    const second = await start(test);
    await expect.poll(() => second.runs, { timeout: 10_000 }).toEqual([1]);
    await second.worker.stop();
    await test.jobs.enqueue(killable, { n: 2 });
    process.kill(lost.pid, "SIGCONT");
    await lost.waitFor("running 2 1");
    await lost.kill("SIGKILL");

    const third = await start(test);

    await expect.poll(() => third.runs, { timeout: 10_000 }).toEqual([2]);
  });
});

describe("a worker that lives", () => {
  it("recovers the jobs of the dead although another one hangs in recovering them", { timeout: 60_000 }, async () => {
    await using test = await createTestJobs();
    await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await killed.waitFor("started");
    await test.jobs.enqueue(killable, { n: 1 });
    await killed.waitFor("running 1 1");
    await using hung = runChild(new URL("../children/hanging-recovery.child.ts", import.meta.url), {
      env: { JOBS_URL: test.jobsUrl },
    });
    await hung.waitFor("started");
    await killed.kill("SIGKILL");
    await hung.waitFor("hanging");

    const { runs } = await start(test);

    await expect.poll(() => runs, { timeout: 30_000 }).toEqual([1]);
  });

  it(
    "recovers the jobs of the dead after one connection for that was never answered",
    { timeout: 60_000 },
    async () => {
      await using test = await createTestJobs();
      await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
      await killed.waitFor("started");
      await test.jobs.enqueue(killable, { n: 1 });
      await killed.waitFor("running 1 1");
      await using network = await startFarProxy(test.jobsUrl, 0);
      // Unlike one that is made from a URL, it would wait for ever.
      const pool = new Pool({ connectionString: network.url });
      await using jobs = createJobs({ connection: pool, logger: collectInto([]) });
      const { runs } = await start({ ...test, jobs });
      onTestFinished(() => pool.end());
      await expect.poll(() => beatsOf(test)).toBeGreaterThan(1);

      network.swallow(true);
      await killed.kill("SIGKILL");
      await expect.poll(() => network.swallowedCount, { timeout: 10_000 }).toBeGreaterThan(0);
      network.swallow(false);

      await expect.poll(() => runs, { timeout: 20_000 }).toEqual([1]);
    },
  );

  it("recovers the jobs of the dead though its connections for that are ended as soon as they are there", async () => {
    await using test = await createTestJobs();
    await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await killed.waitFor("started");
    await test.jobs.enqueue(killable, { n: 1 });
    await killed.waitFor("running 1 1");
    await using network = await startFarProxy(test.jobsUrl, 0);
    await using jobs = createJobs({ connection: network.url, logger: collectInto([]) });
    const { runs } = await start({ ...test, jobs });
    await expect.poll(() => beatsOf(test)).toBeGreaterThan(1);

    network.endAtReady(true);
    await killed.kill("SIGKILL");
    await expect.poll(() => network.endedCount, { timeout: 10_000 }).toBeGreaterThan(2);
    network.endAtReady(false);

    await expect.poll(() => runs, { timeout: 20_000 }).toEqual([1]);
  });

  it("recovers the jobs of the dead, but for those whose rows somebody has locked", { timeout: 60_000 }, async () => {
    await using test = await createTestJobs();
    await using locked = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await locked.waitFor("started");
    await test.jobs.enqueue(killable, { n: 1 }, { key: "k" });
    await locked.waitFor("running 1 1");
    const client = await test.jobsPool.connect();
    await client.query("begin");
    await test.jobs.enqueue(killable, { n: 100 }, { key: "k", tx: client });
    await locked.kill("SIGKILL");
    await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await killed.waitFor("started");
    await test.jobs.enqueue(killable, { n: 2 });
    await killed.waitFor("running 2 1");
    await killed.kill("SIGKILL");

    const { runs, worker } = await start(test);

    await expect.poll(() => runs, { timeout: 20_000 }).toEqual([2]);
    await client.query("commit");
    client.release();
    await expect.poll(() => runs, { timeout: 20_000 }).toContain(100);
    await expect.poll(() => worker.state).toBe("running");
  });

  it("keeps its session while what it has to settle is locked by somebody", { timeout: 60_000 }, async () => {
    await using test = await createTestJobs();
    const { worker } = await start(test);
    await test.jobs.enqueue(killable, { n: 1 }, { runAt: new Date(Date.now() + 3_600_000) });
    await test.jobsPool.query(
      `insert into acme_jobs.failures (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, errors, is_settled, updated_at)
       select id, substr((select jsonb_object_keys(flags)), 9), 'killable', attempts, 'retry', 'x', now(), 0, '[]', false, now() - interval '1 minute'
       from graphile_worker._private_jobs`,
    );
    const client = await test.jobsPool.connect();
    await client.query("begin; select from graphile_worker._private_jobs for update");
    const before = [await sessionOf(test), await beatsOf(test)] as const;

    await expect.poll(() => beatsOf(test), { timeout: 20_000 }).toBeGreaterThan(before[1] + 8);

    expect([await sessionOf(test), worker.state]).toEqual([before[0], "running"]);
    await client.query("rollback");
    client.release();
  });

  it("keeps its jobs where the database ends idle sessions, and recovers those of the dead", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(
      `do $$ begin execute format('alter database %I set idle_session_timeout = ''300ms''', current_database()); end $$`,
    );
    await using stopped = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await stopped.waitFor("started");
    await test.jobs.enqueue(killable, { n: 1 });
    await stopped.waitFor("running 1 1");
    const { runs, worker } = await start(test, { heartbeatMs: 600, deadAfterMs: 1_500 });

    process.kill(stopped.pid, "SIGSTOP");
    const before = await beatsOf(test);
    await expect.poll(() => beatsOf(test), { timeout: 20_000 }).toBeGreaterThan(before + 4);
    expect(runs).toEqual([]);
    await stopped.kill("SIGKILL");

    await expect.poll(() => runs, { timeout: 20_000 }).toEqual([1]);
    // A heartbeat may meet a connection that the server has ended in that moment.
    await expect.poll(() => worker.state).toBe("running");
  });

  it("keeps its jobs on a network on which an answer takes 400 ms", { timeout: 60_000 }, async () => {
    await using test = await createTestJobs();
    await using far = await startFarProxy(test.jobsUrl, 200);
    await using jobs = createJobs({ connection: far.url, logger: collectInto([]) });
    const runs: string[] = [];
    const gate = Promise.withResolvers<void>();
    const slow = await jobs.startWorker({
      tasks: [
        perform(killable, async () => {
          runs.push("far");
          await gate.promise;
        }),
      ],
    });
    onTestFinished(() => slow.stop().catch(() => undefined));
    await test.jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => runs, { timeout: 10_000 }).toEqual(["far"]);
    const near = await test.jobs.startWorker({ tasks: [perform(killable, () => void runs.push("near"))] });
    onTestFinished(() => near.stop());

    const before = await beatsOf(test);
    await expect.poll(() => beatsOf(test), { timeout: 30_000 }).toBeGreaterThan(before + 8);

    expect([runs, slow.state]).toEqual([["far"], "running"]);
    gate.resolve();
  });
});

async function start(test: TestJobs, options: Partial<WorkerOptions> = quick) {
  const runs: number[] = [];
  const worker = await test.jobs.startWorker({ tasks: [perform(killable, ({ n }) => void runs.push(n))], ...options });
  onTestFinished(() => worker.stop());
  return { worker, runs };
}

/** A transaction that enqueues the first job of a task adds the task. A worker that knows the task waits for its end. */
async function addTask({ jobsPool }: TestJobs): Promise<void> {
  await jobsPool.query("insert into graphile_worker._private_tasks (identifier) values ('killable')");
}

/** Due in the past, for a fetch that waits for the table: a job is due by the time at which the fetch began. */
const longDue = new Date(0);

/** Makes every fetch wait for the table. */
async function lockJobs({ jobsPool }: TestJobs) {
  const client = await jobsPool.connect();
  await client.query("begin; lock table graphile_worker._private_jobs in share row exclusive mode");
  const waitingSql = `select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '/* pool-%'`;
  return {
    client,
    async waitedFor() {
      await expect.poll(async () => (await jobsPool.query(waitingSql)).rowCount, { timeout: 5_000 }).toBeGreaterThan(0);
    },
    async release() {
      await client.query("commit");
      client.release();
    },
  };
}

async function lockedCount({ jobsPool }: TestJobs): Promise<number> {
  const { rowCount } = await jobsPool.query("select from graphile_worker.jobs where locked_by is not null");
  return rowCount ?? 0;
}

/** Seconds between the first and the last heartbeat of the pool that began last. */
async function beatsOf({ jobsPool }: TestJobs): Promise<number> {
  const { rows } = await jobsPool.query<{ seconds: number }>(
    `select extract(epoch from heartbeat_at - started_at)::float8 as seconds from acme_jobs.workers
     order by started_at desc limit 1`,
  );
  return rows[0]!.seconds;
}

/** The session that holds the lock of the only worker. */
async function sessionOf({ jobsPool }: TestJobs): Promise<unknown> {
  const { rows } = await jobsPool.query(
    `select pid from pg_locks
     where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
  );
  return rows;
}
