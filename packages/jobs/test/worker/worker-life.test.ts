import { runChild, startProxy } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { killable, single } from "../support/killable-task.ts";
import { collectInto, createTestJobs, storedJobs, type LogLine, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, perform } from "../../src/index.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500, giveUpAfterMs: 1_000 };

describe("a worker", () => {
  it("runs a job that was locked for it although the answer never arrived", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    const log: LogLine[] = [];
    await using jobs = createJobs({ connection: proxy.url, logger: collectInto(log) });
    const attempts: number[] = [];
    const worker = await jobs.startWorker({
      tasks: [perform(single, (_, { attempt }) => void attempts.push(attempt))],
      ...quick,
      concurrency: 1,
      pollIntervalMs: 20,
    });
    onTestFinished(() => worker.stop());
    await jobs.enqueue(single, { n: 1 });
    await expect.poll(() => attempts).toEqual([1]);
    // Its end is written, and waits for no lock.
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);

    // The question for a job waits in the server, …
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_jobs in share row exclusive mode");
    // Due when that is asked, whichever came first.
    await test.jobs.enqueue(single, { n: 2 }, { tx: holder, runAt: new Date(0) });
    const isAsking = async () =>
      (
        await test.jobsPool.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
             and query like '/* pool-%'`,
        )
      ).rowCount;
    await expect.poll(isAsking).toBe(1);
    // … and its answer is lost on the way back.
    proxy.goSilent();
    await holder.query("commit");
    holder.release();
    const lockedBy = async () => (await test.jobsPool.query("select locked_by from graphile_worker.jobs")).rows;
    await expect.poll(lockedBy).toMatchObject([{ locked_by: expect.any(String) as string }]);
    proxy.cutAll();
    proxy.resume();

    await expect.poll(() => attempts, { timeout: 10_000 }).toEqual([1, 1]);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(log.filter(({ message }) => message.includes("without the worker's knowing")).length).toBe(1);
  });

  it("gets jobs although the connection of its very first fetch was lost", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    await using jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
    // Graphile Worker asks for the numbers of its tasks before anything else.
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_tasks");
    const ran: number[] = [];
    const worker = await jobs.startWorker({ tasks: [perform(single, ({ n }) => void ran.push(n))], ...quick });
    onTestFinished(() => worker.stop());
    const isAsking = async () =>
      (
        await test.jobsPool.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
             and query like 'insert into %_private_tasks%'`,
        )
      ).rowCount;
    await expect.poll(isAsking).toBe(1);

    proxy.cutAll();
    await holder.query("rollback");
    holder.release();

    await test.jobs.enqueue(single, { n: 1 });
    await expect.poll(() => ran).toEqual([1]);
  });

  it("starts over when Graphile Worker has stopped fetching jobs", async () => {
    await using test = await createTestJobs();
    // It keeps the error of its very first question for as long as it lives.
    await test.jobsPool.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
      create trigger refuse before insert on graphile_worker._private_tasks execute function refuse()`);
    const ran: number[] = [];
    const worker = await test.jobs.startWorker({
      tasks: [perform(single, ({ n }) => void ran.push(n))],
      ...quick,
      giveUpAfterMs: 60_000,
    });
    onTestFinished(() => worker.stop());
    await expect.poll(() => worker.state).toBe("recovering");

    await test.jobsPool.query("drop trigger refuse on graphile_worker._private_tasks");

    await test.jobs.enqueue(single, { n: 1 });
    await expect.poll(() => ran).toEqual([1]);
    await expect.poll(() => worker.state).toBe("running");
    expect(test.log.map(({ message }) => message)).toContainEqual(expect.stringContaining("stopped fetching jobs"));
  });

  it("gives all connections back that it had before its tables were made anew", async () => {
    await using test = await createTestJobs();
    const pool = new Pool({ connectionString: test.jobsUrl, max: 12 });
    await using jobs = createJobs({ connection: pool, logger: collectInto([]) });
    const ran: number[] = [];
    const worker = await jobs.startWorker({ tasks: [perform(single, ({ n }) => void ran.push(n))], ...quick });
    await expect.poll(() => worker.state).toBe("running");

    // The worker's own statements may be in each other's way with these.
    const drop = "drop schema if exists graphile_worker cascade; drop schema if exists acme_jobs cascade";
    await expect.poll(() => test.jobsPool.query(drop).then(() => "dropped", String)).toBe("dropped");
    await test.jobs.migrate();
    await test.jobs.enqueue(single, { n: 1 });
    await expect.poll(() => ran).toEqual([1]);

    await worker.stop();
    await jobs.close();
    await pool.end();
  });

  it("says that it is recovering while all connections of its pool are in use", async () => {
    await using test = await createTestJobs();
    const pool = new Pool({ connectionString: test.jobsUrl, max: 4 });
    onTestFinished(() => pool.end());
    await using jobs = createJobs({ connection: pool, logger: collectInto([]) });
    const worker = await jobs.startWorker({ tasks: [perform(single, () => undefined)], ...quick });
    await expect.poll(() => worker.state).toBe("running");
    // One listens.
    const held = await Promise.all(Array.from({ length: 3 }, () => pool.connect()));

    await expect.poll(() => worker.state).toBe("recovering");

    held.forEach((client) => client.release());
    await expect.poll(() => worker.state).toBe("running");
    await worker.stop();
  });

  it("says that it is recovering as soon as it gets no jobs, however far off its next heartbeat is", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    await using jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
    const runs: number[] = [];
    const worker = await jobs.startWorker({
      tasks: [perform(single, () => void runs.push(1))],
      heartbeatMs: 60_000,
      deadAfterMs: 120_000,
      pollIntervalMs: 50,
    });
    onTestFinished(() => worker.stop({ deadlineMs: 0 }).catch(() => undefined));
    await test.jobs.enqueue(single, { n: 1 });
    await expect.poll(() => runs).toEqual([1]);

    proxy.refuseConnections();
    proxy.cutAll();
    await expect.poll(() => worker.state).toBe("recovering");
    await proxy.acceptConnections();

    await expect.poll(() => worker.state).toBe("running");
  });

  it("writes the ends of its jobs although other code leaves transactions open in the shared pool", async () => {
    await using test = await createTestJobs();
    const pool = new Pool({ connectionString: test.jobsUrl, max: 4 });
    await using jobs = createJobs({ connection: pool, logger: collectInto([]) });
    const runs: number[] = [];
    const leaveOpen = async () => {
      const client = await pool.connect();
      await client.query("begin");
      client.release();
    };
    const worker = await jobs.startWorker({
      tasks: [
        perform(killable, async ({ n }) => {
          runs.push(n);
          if (n % 5 === 0) await leaveOpen();
        }),
      ],
      ...quick,
    });
    onTestFinished(() => pool.end());
    onTestFinished(() => worker.stop());

    await test.jobs.enqueueMany(
      killable,
      Array.from({ length: 20 }, (_, n) => ({ n })),
    );

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(runs.toSorted((a, b) => a - b)).toEqual([...Array.from({ length: 20 }).keys()]);
  });

  it("is refused if all connections of its pool would be kept, until another worker has stopped", async () => {
    await using test = await createTestJobs();
    const pool = new Pool({ connectionString: test.jobsUrl, max: 4 });
    onTestFinished(() => pool.end());
    await using jobs = createJobs({ connection: pool, logger: collectInto([]) });
    const start = () => jobs.startWorker({ tasks: [perform(single, () => undefined)], ...quick });
    const first = await start();
    await start();

    await expect(start()).rejects.toMatchObject({
      code: "POOL_TOO_SMALL",
      message: expect.stringContaining("other workers and relays keep 2 of them") as string,
    });
    await first.stop();
    await expect(start()).resolves.toMatchObject({ state: "running" });
    expect((await jobs.health()).workers).toEqual(["running", "running"]);
  });

  it("ends at the shorter deadline if it is stopped again", async () => {
    await using test = await createTestJobs();
    const begun = Promise.withResolvers<void>();
    const hang = perform(single, (_, { signal }) => {
      begun.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    });
    const worker = await test.jobs.startWorker({ tasks: [hang], ...quick });
    await test.jobs.enqueue(single, { n: 1 });
    await begun.promise;
    const patient = worker.stop({ deadlineMs: 600_000 });

    await worker.stop({ deadlineMs: 0 });

    await patient;
    expect(worker.state).toBe("stopped");
    expect(await storedJobs(test.jobsPool)).toMatchObject([{ attempts: 0 }]);
  });

  it("resolves finished when it was stopped", async () => {
    await using test = await createTestJobs();
    const worker = await test.jobs.startWorker({ tasks: [perform(killable, () => undefined)] });

    await worker.stop();

    await expect(worker.finished).resolves.toBeUndefined();
  });

  it("stops with an error if the database keeps refusing what the worker needs, and hands its jobs back", async () => {
    await using test = await createTestJobs();
    const signals: AbortSignal[] = [];
    const worker = await test.jobs.startWorker({
      tasks: [
        perform(killable, (_, { signal }) => {
          signals.push(signal);
          return new Promise(() => undefined);
        }),
      ],
      ...quick,
    });
    await test.jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => signals.length).toBe(1);

    await test.jobsPool.query("alter table acme_jobs.workers rename to workers_of_old");

    await expect(worker.finished).rejects.toMatchObject({ code: "WORKER_FAILED", cause: { code: "42P01" } });
    expect([worker.state, signals[0]?.aborted]).toEqual(["stopped", true]);
    expect(test.log).toContainEqual(expect.objectContaining({ level: "error", message: "the worker cannot go on" }));
    const { rows } = await test.jobsPool.query("select attempts, locked_at from graphile_worker.jobs");
    expect(rows).toEqual([{ attempts: 0, locked_at: null }]);
  });

  it("goes on if the database stops refusing in time", async () => {
    await using test = await createTestJobs();
    const worker = await test.jobs.startWorker({
      tasks: [perform(killable, () => undefined)],
      ...quick,
      giveUpAfterMs: 60_000,
    });
    onTestFinished(() => worker.stop());

    await test.jobsPool.query("alter table acme_jobs.workers rename to workers_of_old");
    await expect.poll(() => worker.state).toBe("recovering");
    await test.jobsPool.query("alter table acme_jobs.workers_of_old rename to workers");

    await expect.poll(() => worker.state).toBe("running");
  });

  it("starts over if Graphile Worker shuts its pool down because its tables were migrated", async () => {
    await using test = await createTestJobs();
    const seen: number[] = [];
    const worker = await test.jobs.startWorker({ tasks: [perform(killable, ({ n }) => void seen.push(n))], ...quick });
    onTestFinished(() => worker.stop());
    await test.jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => seen).toEqual([1]);

    // What Graphile Worker announces when some process has migrated in a way that old workers cannot bear.
    await test.jobsPool.query(`select pg_notify('worker:migrate', '{"migrationNumber": 1, "breaking": true}')`);
    await test.jobs.enqueue(killable, { n: 2 }, { runAt: new Date(Date.now() + 500) });

    await expect.poll(() => seen).toEqual([1, 2]);
    expect(process.exitCode).toBeUndefined();
  });

  it("runs enqueued jobs, whatever the variable GRAPHILE_WORKER_SCHEMA says", async () => {
    await using test = await createTestJobs();
    const child = new URL("../children/worker.child.ts", import.meta.url);
    await using worker = runChild(child, { env: { JOBS_URL: test.jobsUrl, GRAPHILE_WORKER_SCHEMA: "elsewhere" } });
    await worker.waitFor("started");

    await test.jobs.enqueue(killable, { n: 1 });

    await expect(worker.waitFor("running 1 1")).resolves.not.toThrow();
  });

  it("keeps trying while the server has no connection for it", async () => {
    await using test = await createTestJobs();
    const role = `limited_${process.pid}`;
    await test.jobsPool.query(`create role ${role} login superuser password 'limited'`);
    await test.jobsPool.query(`alter role ${role} nosuperuser connection limit 0`);
    const url = new URL(test.jobsUrl);
    Object.assign(url, { username: role, password: "limited" });
    const jobs = createJobs({ connection: url.href, logger: collectInto([]) });
    const seen: number[] = [];

    const worker = await jobs.startWorker({ tasks: [perform(killable, ({ n }) => void seen.push(n))], ...quick });
    await test.jobs.enqueue(killable, { n: 1 });
    expect(worker.state).toBe("starting");
    await test.jobsPool.query(`alter role ${role} superuser connection limit -1`);

    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([1]);
    await jobs.close();
    await test.jobsPool.query(`drop role ${role}`);
  });

  it("goes on after more writes than it has connections have timed out at once", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(
      "do $$ begin execute format('alter database %I set statement_timeout = 200', current_database()); end $$",
    );
    const pool = new Pool({ connectionString: test.jobsUrl, max: 6, connectionTimeoutMillis: 1_000 });
    await using jobs = createJobs({ connection: pool, logger: collectInto([]) });
    const started: (() => void)[] = [];
    const worker = await jobs.startWorker({
      tasks: [perform(single, () => new Promise((_resolve, reject) => started.push(() => reject(new Error("no")))))],
      concurrency: 5,
    });
    onTestFinished(() => pool.end());
    onTestFinished(() => worker.stop({ deadlineMs: 0 }).catch(() => undefined));
    await test.jobs.enqueueMany(single, [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }, { n: 5 }]);
    await expect.poll(() => started.length).toBe(5);

    const holder = await test.jobsPool.connect();
    await holder.query(
      "begin; set local statement_timeout = 0; lock table graphile_worker._private_jobs in share mode",
    );
    for (const [index, fail] of started.splice(0).entries()) {
      fail();
      // Each in a write of its own; one connection listens.
      await expect.poll(() => pool.totalCount - pool.idleCount, { interval: 2 }).toBeGreaterThanOrEqual(index + 2);
    }
    // Each of them has been cut off more than once.
    await expect.poll(() => undoneCount(test), { timeout: 10_000 }).toBeGreaterThanOrEqual(12);
    await holder.query("commit");
    holder.release();

    await expect.poll(async () => (await test.jobs.deadLetters.list()).length, { timeout: 10_000 }).toBe(5);
    await test.jobs.enqueue(single, { n: 6 });
    await expect.poll(() => started.length, { timeout: 10_000 }).toBe(1);
    started[0]?.();
  });
});

describe("a line of Graphile Worker itself", () => {
  it("is logged at level debug, without a field that a logger could mistake for its level", async () => {
    await using test = await createTestJobs();
    const worker = await test.jobs.startWorker({
      tasks: [perform(single, () => undefined)],
      ...quick,
      giveUpAfterMs: 60_000,
      pollIntervalMs: 20,
    });
    onTestFinished(() => worker.stop());
    const theirs = () => test.log.filter(({ fields }) => "source" in fields && fields["source"] === "graphile-worker");

    await test.jobsPool.query("alter table graphile_worker._private_jobs rename to elsewhere");
    await expect.poll(theirs).not.toEqual([]);
    await test.jobsPool.query("alter table graphile_worker.elsewhere rename to _private_jobs");

    expect(new Set(theirs().map(({ level }) => level))).toEqual(new Set(["debug"]));
    expect(theirs()[0]?.fields).toEqual({ source: "graphile-worker", severity: "error" });
  });
});

/** Transactions of this database that were undone. */
async function undoneCount({ jobsPool }: TestJobs): Promise<number> {
  const { rows } = await jobsPool.query<{ count: number }>(
    "select xact_rollback::int as count from pg_stat_database where datname = current_database()",
  );
  return rows[0]!.count;
}
