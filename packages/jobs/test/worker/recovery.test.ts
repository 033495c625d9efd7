import { runChild, startProxy, startServer, terminateBackends } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { killable, single } from "../support/killable-task.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, NonRetryableError, perform, type WorkerOptions } from "../../src/index.ts";

const child = new URL("../children/worker.child.ts", import.meta.url);
const quick = { heartbeatMs: 100, deadAfterMs: 500 };

const slowToRecover = { heartbeatMs: 100, deadAfterMs: 3_000 };

async function survivor(test: TestJobs, options: Partial<WorkerOptions> = quick) {
  const runs: { n: number; attempt: number }[] = [];
  const worker = await test.jobs.startWorker({
    tasks: [perform(killable, ({ n }, { attempt }) => void runs.push({ n, attempt }))],
    ...options,
  });
  onTestFinished(() => worker.stop().catch(ifNotIncomplete));
  return { worker, runs };
}

function ifNotIncomplete(error: unknown): void {
  if ((error as { code?: unknown }).code !== "STOP_INCOMPLETE") throw error;
}

describe("the job of a killed worker", () => {
  it("runs again on a worker that lives, the first time without using an attempt", async () => {
    await using test = await createTestJobs();
    await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await killed.waitFor("started");
    await test.jobs.enqueue(killable, { n: 1 });
    await killed.waitFor("running 1 1");
    const { runs } = await survivor(test);

    await killed.kill("SIGKILL");

    await expect.poll(() => runs).toEqual([{ n: 1, attempt: 1 }]);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  });

  it("begins again within 5 seconds with the default settings", async () => {
    await using test = await createTestJobs();
    await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await killed.waitFor("started");
    await test.jobs.enqueue(killable, { n: 1 });
    await killed.waitFor("running 1 1");
    const { runs } = await survivor(test, {});
    const killedAt = performance.now();

    await killed.kill("SIGKILL");

    await expect.poll(() => runs.length).toBe(1);
    expect(performance.now() - killedAt).toBeLessThan(5_000);
  });

  it("becomes a dead letter when it kills a worker in each attempt", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(killable, { n: 1 });
    // For a first lock it is not recorded whether the code had begun, so that crash is free.
    for (const attempt of [1, 1, 2, 3]) {
      await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
      await killed.waitFor(`running 1 ${attempt}`);
      await killed.kill("SIGKILL");
    }

    const { runs } = await survivor(test);

    await expect
      .poll(() => test.jobs.deadLetters.list())
      .toMatchObject([
        { task: "killable", payload: { n: 1 }, reason: expect.stringContaining("Its worker died") as string },
      ]);
    expect(runs).toEqual([]);
  });

  it("costs no attempt of jobs that were only locked beside it or had just begun", async () => {
    await using test = await createTestJobs();
    const neighbours = Array.from({ length: 30 }, (_, n) => ({ n }));
    await test.jobs.enqueueMany(single, neighbours);
    await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl, TASK: "single" } });
    await killed.waitFor("running 0 1");
    await killed.kill("SIGKILL");
    const seen = new Set<number>();

    const worker = await test.jobs.startWorker({
      tasks: [perform(single, ({ n }, { attempt }) => void (attempt === 1 && seen.add(n)))],
      ...quick,
    });
    onTestFinished(() => worker.stop());

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(seen.size).toBe(30);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it("is settled as its worker had noted if the worker died between the note and the release", async () => {
    await using test = await createTestJobs();
    await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await killed.waitFor("started");
    const id = await test.jobs.enqueue(killable, { n: 1 });
    await killed.waitFor("running 1 1");
    await test.jobsPool.query(
      `insert into acme_jobs.failures (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, errors)
       values (1, $1, 'killable', 1, 'dead', 'noted', now(), 1, '[]')`,
      [id],
    );

    await killed.kill("SIGKILL");
    const { runs } = await survivor(test);

    await expect.poll(() => test.jobs.deadLetters.list()).toMatchObject([{ id, reason: "noted" }]);
    expect(runs).toEqual([]);
  });
});

describe("a worker that lives", () => {
  it("keeps its jobs while its event loop is blocked for longer than a heartbeat may be old", async () => {
    await using test = await createTestJobs();
    await using blocked = runChild(child, { env: { JOBS_URL: test.jobsUrl, BLOCK: "event loop" } });
    await blocked.waitFor("started");
    await test.jobs.enqueue(killable, { n: 1 });
    await blocked.waitFor("running 1 1");
    const { runs } = await survivor(test);

    await blocked.waitFor("unblocked");

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(runs).toEqual([]);
  });

  it("leaves the jobs of a plain Graphile Worker alone", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(killable, { n: 1 });
    await test.jobsPool.query(
      "update graphile_worker._private_jobs set locked_by = 'somebody-else', locked_at = now() - interval '1 hour', attempts = 1",
    );
    const { worker, runs } = await survivor(test);

    await expect.poll(() => beatsOf(test.jobsPool)).toBeGreaterThan(5);

    expect([worker.state, runs]).toEqual(["running", []]);
  });

  it("goes on when all its connections are ended again and again, and runs every job", async () => {
    await using test = await createTestJobs();
    const seen = new Set<number>();
    const worker = await test.jobs.startWorker({
      tasks: [perform(killable, ({ n }) => void seen.add(n))],
      ...quick,
      pollIntervalMs: 50,
    });
    onTestFinished(() => worker.stop());

    for (let round = 0; round < 5; round++) {
      const numbers = Array.from({ length: 100 }, (_, index) => ({ n: round * 100 + index }));
      await test.jobsPool.query("select 1").catch(() => undefined);
      await expect
        .poll(() =>
          test.jobs.enqueueMany(killable, numbers).then(
            () => "added",
            () => "again",
          ),
        )
        .toBe("added");
      await terminateBackends(test.jobsUrl);
    }

    await expect.poll(() => seen.size, { timeout: 15_000 }).toBe(500);
    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 15_000 }).toEqual([]);
    await expect.poll(() => worker.state).toBe("running");
  });

  it.each([
    ["succeeded", 0],
    ["failed", 1],
  ])("writes that a job has %s once the database is back, without running it again", async (_, failures) => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    await using jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
    const gate = Promise.withResolvers<void>();
    const attempts: number[] = [];
    const worker = await jobs.startWorker({
      tasks: [
        perform(killable, async (__, { attempt }) => {
          attempts.push(attempt);
          await gate.promise;
          if (attempts.length <= failures) throw new NonRetryableError("no");
        }),
      ],
      // Not the recovery, but the write itself is to last.
      deadAfterMs: 600_000,
    });
    await jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => attempts).toEqual([1]);

    proxy.refuseConnections();
    proxy.cutAll();
    gate.resolve();
    await expect.poll(() => worker.state).toBe("recovering");
    await proxy.acceptConnections();

    await expect.poll(() => lockedCount(test)).toBe(0);
    await expect.poll(() => worker.state).toBe("running");
    expect(attempts).toEqual([1]);
    await expect.poll(async () => (await test.jobs.deadLetters.list()).length).toBe(failures);
    await worker.stop();
  });

  it("stops in bounded time on a network that has gone silent, and rejects with STOP_INCOMPLETE", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    const jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
    const attempts: number[] = [];
    const worker = await jobs.startWorker({
      tasks: [
        perform(killable, ({ n }) => {
          attempts.push(n);
          return new Promise(() => undefined);
        }),
      ],
    });
    await jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => attempts).toEqual([1]);
    proxy.goSilent();
    const startedAt = performance.now();

    await expect(worker.stop({ deadlineMs: 100 })).rejects.toMatchObject({ code: "STOP_INCOMPLETE" });

    // Five seconds for the ends of jobs, and one for each wait after that.
    expect(performance.now() - startedAt).toBeLessThan(9_000);
    expect(worker.state).toBe("stopped");
    proxy.cutAll();
    const { runs } = await survivor(test);
    await expect.poll(() => runs.length, { timeout: 20_000 }).toBe(1);
  });

  it("runs a job once whose end the database refuses for a while", async () => {
    await using test = await createTestJobs();
    await refuseEnds(test);
    const { worker, runs } = await survivor(test);
    await test.jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => worker.state).toBe("recovering");

    await test.jobsPool.query("drop trigger refuse on graphile_worker._private_jobs");

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    await expect.poll(() => worker.state).toBe("running");
    expect(runs.length).toBe(1);
  });

  it("leaves no job without recovery if it stops while the end of a job is refused", async () => {
    await using test = await createTestJobs();
    await refuseEnds(test);
    const first = await survivor(test);
    await test.jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => first.worker.state).toBe("recovering");
    const patient = first.worker.stop({ deadlineMs: 600_000 });

    // The shorter deadline counts.
    await expect(first.worker.stop({ deadlineMs: 0 })).rejects.toMatchObject({ code: "STOP_INCOMPLETE" });
    await expect(patient).rejects.toMatchObject({ code: "STOP_INCOMPLETE" });
    await test.jobsPool.query("drop trigger refuse on graphile_worker._private_jobs");
    const second = await survivor(test);

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(second.runs.length).toBe(1);
  });

  it("writes the ends of other jobs beside one that is refused, and gives up because of that one", async () => {
    await using test = await createTestJobs();
    await refuseEnds(test, "old.priority = 5");
    const { worker, runs } = await survivor(test, { giveUpAfterMs: 3_000 });
    const ended = worker.finished.catch((error: unknown) => error);
    await test.jobs.enqueue(killable, { n: 0 }, { priority: 5 });
    for (let n = 1; n <= 20; n += 1) await test.jobs.enqueue(killable, { n });

    await expect.poll(async () => (await storedJobs(test.jobsPool)).length).toBe(1);
    const writing = setInterval(() => void test.jobs.enqueue(killable, { n: 21 }), 50);

    expect(await ended).toMatchObject({ code: "WORKER_FAILED" });
    clearInterval(writing);
    expect(runs.filter(({ n }) => n < 21).length).toBe(21);
  });

  it("leaves nothing to recover if its heartbeat connection is lost just before it stops", async () => {
    await using test = await createTestJobs();
    const { worker } = await survivor(test, { heartbeatMs: 60_000, deadAfterMs: 120_000 });
    await test.jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => workerCount(test.jobsPool)).toBe(1);

    await test.jobsPool.query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'");
    await worker.stop();

    expect(await workerCount(test.jobsPool)).toBe(0);
  });

  it("finds a job that was added while no connection listened", async () => {
    await using test = await createTestJobs();
    const { runs } = await survivor(test, { ...quick, pollIntervalMs: 3_600_000 });
    await test.jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => runs.length).toBe(1);

    await test.jobsPool.query(`
      with ended as materialized (
        select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
      )
      select graphile_worker.add_job('killable', '{"n": 2}') from ended`);

    await expect.poll(() => runs.map(({ n }) => n)).toEqual([1, 2]);
  });

  it("considers no worker dead before it has been connected for as long as a heartbeat may be old", async () => {
    await using server = await startServer({ databases: ["jobs"] });
    await using jobs = createJobs({ connection: server.url("jobs") });
    await jobs.migrate();
    await jobs.enqueue(killable, { n: 1 });
    const pool = new Pool({ connectionString: server.url("jobs") });
    pool.on("connect", (client) => client.on("error", () => undefined));
    await pool.query("update graphile_worker._private_jobs set locked_by = 'healthy', locked_at = now(), attempts = 1");
    await pool.query(
      "insert into acme_jobs.workers (pool_id, heartbeat_at) values ('healthy', now() - interval '1 hour')",
    );
    const runs: number[] = [];
    const worker = await jobs.startWorker({
      tasks: [perform(killable, ({ n }) => void runs.push(n))],
      heartbeatMs: 20,
      deadAfterMs: 600_000,
    });

    await expect.poll(() => beatsOf(pool, "healthy")).toBeGreaterThan(5);

    await worker.stop();
    await pool.end();
    expect(runs).toEqual([]);
  });

  it("considers no worker dead that lost the network at the same time and comes back later", async () => {
    await using test = await createTestJobs();
    const runs: string[] = [];
    const atHome = async (name: string) => {
      const proxy = await startProxy(test.jobsUrl);
      const jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
      onTestFinished(async () => {
        await jobs.close();
        await proxy[Symbol.asyncDispose]();
      });
      const run = () => (runs.push(name), new Promise<void>((resolve) => ends.push(resolve)));
      return { proxy, worker: await jobs.startWorker({ tasks: [perform(killable, run)], ...quick }) };
    };
    const ends: (() => void)[] = [];
    const one = await atHome("one");
    await test.jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => runs).toEqual(["one"]);
    const other = await atHome("other");
    await expect.poll(() => workerCount(test.jobsPool)).toBe(2);
    for (const { proxy } of [one, other]) {
      proxy.refuseConnections();
      proxy.cutAll();
    }
    await expect.poll(() => [one.worker.state, other.worker.state]).toEqual(["recovering", "recovering"]);

    await other.proxy.acceptConnections();
    await expect.poll(() => other.worker.state).toBe("running");
    // Twice as long as a heartbeat of these may be old.
    const back = await beatCount(test.jobsPool);
    await expect.poll(async () => (await beatCount(test.jobsPool)) - back).toBeGreaterThan(10);
    await one.proxy.acceptConnections();
    await expect.poll(() => one.worker.state).toBe("running");
    ends.forEach((end) => end());

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(runs).toEqual(["one"]);
  });

  it("considers dead workers dead although its own connections are cut again and again", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    await test.jobs.enqueue(killable, { n: 1 });
    await test.jobsPool.query(
      "update graphile_worker._private_jobs set locked_by = 'gone', locked_at = now(), attempts = 1",
    );
    await test.jobsPool.query("insert into acme_jobs.workers (pool_id, heartbeat_at) values ('gone', now())");
    await using jobs = createJobs({ connection: proxy.url, logger: collectInto([]) });
    const ran: number[] = [];
    const worker = await jobs.startWorker({
      tasks: [perform(killable, ({ n }) => void ran.push(n))],
      ...slowToRecover,
    });
    // Never connected for as long as the grace after a break.
    const cutting = setInterval(() => proxy.cutAll(), 2_000);
    onTestFinished(() => clearInterval(cutting));

    await expect.poll(() => ran).toEqual([1]);

    clearInterval(cutting);
    await worker.stop();
  });

  it("notices the death of a worker that died before the server's clock was set back", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(killable, { n: 1 });
    await test.jobsPool.query(
      "update graphile_worker._private_jobs set locked_by = 'gone', locked_at = now(), attempts = 1",
    );
    await test.jobsPool.query(
      "insert into acme_jobs.workers (pool_id, heartbeat_at) values ('gone', now() + interval '1 day')",
    );

    const { runs } = await survivor(test);

    await expect.poll(() => runs).toEqual([{ n: 1, attempt: 1 }]);
  });

  it("starts before its database does, reports the state starting, and works when the database is up", async () => {
    await using server = await startServer({ databases: ["jobs"] });
    await server.stop();
    await using jobs = createJobs({ connection: server.url("jobs") });
    const seen: number[] = [];
    const worker = await jobs.startWorker({ tasks: [perform(killable, ({ n }) => void seen.push(n))], ...quick });
    const before = worker.state;

    await server.start();

    await expect.poll(() => worker.state).toBe("running");
    await jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => seen).toEqual([1]);
    expect(before).toBe("starting");
    await worker.stop();
  });

  it("is not considered dead after a restart of the server, and goes on by itself", async () => {
    await using server = await startServer({ databases: ["jobs"] });
    await using jobs = createJobs({ connection: server.url("jobs") });
    const seen: number[] = [];
    const worker = await jobs.startWorker({ tasks: [perform(killable, ({ n }) => void seen.push(n))], ...quick });
    await jobs.enqueue(killable, { n: 1 });
    await expect.poll(() => seen).toEqual([1]);

    await server.stop();
    await expect.poll(() => worker.state).toBe("recovering");
    await server.start();

    await expect.poll(() => worker.state).toBe("running");
    await jobs.enqueue(killable, { n: 2 });
    await expect.poll(() => seen).toEqual([1, 2]);
    await worker.stop();
  });
});

/** How often workers other than that one have shown that they live. */
async function beatsOf(pool: Pool, except = ""): Promise<number> {
  const { rows } = await pool.query<{ beats: number }>(
    `select (extract(epoch from heartbeat_at - started_at) * 10)::float8 as beats
     from acme_jobs.workers where pool_id <> $1`,
    [except],
  );
  return rows[0]?.beats ?? 0;
}

async function workerCount(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>("select count(*)::int as count from acme_jobs.workers");
  return rows[0]!.count;
}

/** Tenths of a second between the first and the last heartbeat of the pool with the latest heartbeat. */
async function beatCount(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ beats: number }>(
    "select (extract(epoch from max(heartbeat_at)) * 10)::float8 as beats from acme_jobs.workers",
  );
  return rows[0]!.beats;
}

async function lockedCount(test: TestJobs): Promise<number> {
  const { rows } = await test.jobsPool.query("select 1 from graphile_worker.jobs where locked_at is not null");
  return rows.length;
}

/** No job that fits can be taken from the table. */
async function refuseEnds(test: TestJobs, condition = "true"): Promise<void> {
  await test.jobsPool.query(`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
    create trigger refuse before delete on graphile_worker._private_jobs
      for each row when (${condition}) execute function refuse()`);
}
