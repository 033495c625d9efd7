import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker as Thread } from "node:worker_threads";
import { createTestDatabase, runChild, type Child } from "@acme/test-postgres";
import { Client, Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { hanging } from "../support/hanging-task.ts";
import { collectInto, createTestJobs, storedJobs, type LogLine, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, perform } from "../../src/index.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500 };
const others = Array.from({ length: 7 }, (_, index) => ({ n: index + 1 }));
const forEver = 600_000;

const cutGivingBack = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock' and query like '%returning job_queue_id%'`;

function hangingWorker(test: TestJobs, hangMs: number, env: Record<string, string> = {}): Child {
  return runChild(new URL("../children/hanging-worker.child.ts", import.meta.url), {
    env: { JOBS_URL: test.jobsUrl, HANG_MS: String(hangMs), ...env },
  });
}

/** It hangs until it is told to go on. */
function hangingUntilTold(test: TestJobs, env: Record<string, string> = {}) {
  const directory = mkdtempSync(join(tmpdir(), "acme-hang-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const endFile = join(directory, "go on");
  const child = hangingWorker(test, forEver, { HANG_END: endFile, ...env });
  return Object.assign(child, { goOn: () => writeFileSync(endFile, "") });
}

async function otherWorker(test: TestJobs) {
  const ran: number[] = [];
  const worker = await test.jobs.startWorker({ tasks: [perform(hanging, ({ n }) => void ran.push(n))], ...quick });
  onTestFinished(() => worker.stop());
  return { worker, ran };
}

describe("a process that hangs", () => {
  it("keeps the job it runs until the process is dead, and other workers do the rest of its batch within seconds", async () => {
    await using test = await createTestJobs();
    await enqueueBatch(test);
    await using hung = hangingWorker(test, forEver);
    await hung.waitFor("hanging");
    expect(await lockedCount(test)).toBe(8);

    const { ran } = await otherWorker(test);

    await expect.poll(() => inOrder(ran), { timeout: 10_000 }).toEqual([1, 2, 3, 4, 5, 6, 7]);
    // Several times as long as a worker may be without a heartbeat.
    await test.jobs.enqueue(hanging, { n: 8 }, { runAt: new Date(Date.now() + 2_000) });
    await expect.poll(() => ran, { timeout: 10_000 }).toContain(8);
    expect(ran).not.toContain(0);
    await hung.kill("SIGKILL");
    await expect.poll(() => ran).toContain(0);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it("frees the named queue of a job that it had locked and not begun", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(hanging, { n: 0 }, { priority: -1 });
    for (const n of [1, 2, 3]) await test.jobs.enqueue(hanging, { n }, { queue: "q" });
    await using hung = hangingWorker(test, forEver);
    await hung.waitFor("hanging");
    expect([await lockedCount(test), await lockedQueueCount(test)]).toEqual([2, 1]);

    await expect.poll(() => lockedQueueCount(test), { timeout: 10_000 }).toBe(0);

    const { ran } = await otherWorker(test);
    await expect.poll(() => ran, { timeout: 10_000 }).toEqual([1, 2, 3]);
  });

  it("keeps no job of a batch whose arrival it has not noticed", async () => {
    await using test = await createTestJobs();
    await using hung = hangingWorker(test, forEver);
    await hangInLook(test, hung);

    const { ran } = await otherWorker(test);

    await expect.poll(() => inOrder(ran), { timeout: 10_000 }).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});

describe("a hang that ends", () => {
  it("runs each job once that arrived during it, also if the answer was too large for the network buffers", async () => {
    await using test = await createTestJobs();
    await using hung = hangingUntilTold(test);
    await hangInLook(test, hung, 2_000_000);
    const { worker, ran } = await otherWorker(test);

    await expect.poll(() => inOrder(ran), { timeout: 20_000 }).toEqual([1, 2, 3, 4, 5, 6, 7]);
    hung.goOn();
    await hung.waitFor("back");
    await worker.stop();
    await test.jobs.enqueue(hanging, { n: 8 });

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toEqual([]);
    expect(inOrder(ranIn(hung))).toEqual([8, 100, 101]);
  });

  it.each([100, 0])(
    "runs no job twice, and its worker goes on although it is the only one (prefetch: %i)",
    async (prefetch) => {
      await using test = await createTestJobs();
      await enqueueBatch(test);
      await using hung = hangingUntilTold(test, { PREFETCH: String(prefetch) });
      await hung.waitFor("hanging");
      const hangsSince = performance.now();
      // Long enough for a hang, whatever was locked when it began.
      await expect.poll(() => performance.now() - hangsSince).toBeGreaterThan(2_000);
      // Others may have come first where each is asked for by itself. Nobody can write the end of one before the hang is over.
      await expect.poll(async () => (await lockedCount(test)) - ranIn(hung).length).toBe(0);

      hung.goOn();
      await hung.waitFor("back");

      // Without other workers, it fetches again the jobs that it had given back.
      await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toEqual([]);
      expect(inOrder(ranIn(hung))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      await test.jobs.enqueue(hanging, { n: 8 });
      await expect.poll(() => ranIn(hung)).toContain(8);
      await expect
        .poll(() => hung.stdout())
        .toMatch(/the process did not answer for \d+ ms; \d jobs went back to others/);
    },
  );

  it("runs no job again that other workers have done meanwhile", async () => {
    await using test = await createTestJobs();
    await enqueueBatch(test);
    await using hung = hangingUntilTold(test);
    await hung.waitFor("hanging");
    const { worker, ran } = await otherWorker(test);
    await expect.poll(() => inOrder(ran)).toEqual([1, 2, 3, 4, 5, 6, 7]);

    hung.goOn();
    await hung.waitFor("back");
    await worker.stop();
    await test.jobs.enqueueMany(hanging, [{ n: 8 }, { n: 9 }]);

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toEqual([]);
    expect(inOrder(ranIn(hung))).toEqual([0, 8, 9]);
    hung.send("stop");
    await hung.ended;
    expect(await lockedCount(test)).toBe(0);
  });

  it("runs each job once that arrived during it and was returned before the process read the answer", async () => {
    await using test = await createTestJobs();
    await using hung = hangingUntilTold(test);
    await hangInLook(test, hung);
    await expect.poll(() => lockedCount(test)).toBe(0);

    hung.goOn();
    await hung.waitFor("back");

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toEqual([]);
    expect(inOrder(ranIn(hung))).toEqual([1, 2, 3, 4, 5, 6, 7, 100, 101]);
  });

  it("loses no job if no other connection to the database was possible meanwhile", async () => {
    await using test = await createTestJobs();
    const name = new URL(test.jobsUrl).pathname.slice(1);
    await using admin = await connectTo(new URL("/postgres", test.jobsUrl));
    const allow = (isAllowed: boolean) => admin.query(`alter database "${name}" allow_connections ${isAllowed}`);
    await enqueueBatch(test);
    await using hung = hangingWorker(test, 3_000);
    await hung.waitFor("hanging");
    await allow(false);

    await hung.waitFor("back");
    await allow(true);

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toEqual([]);
    expect(inOrder(ranIn(hung))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    await expect.poll(() => hung.stdout()).toMatch(/the process did not answer for \d+ ms; 0 jobs went back to others/);
  });

  it("loses no job if the jobs it began to give back did not reach the database", async () => {
    await using test = await createTestJobs();
    await enqueueBatch(test);
    // Long enough for the lock to be there first.
    await using hung = hangingUntilTold(test, { DEAD_AFTER_MS: "2500" });
    await hung.waitFor("hanging");
    const client = await test.jobsPool.connect();
    await client.query("begin; lock table graphile_worker._private_jobs in access exclusive mode");
    const cut = async () => (await test.jobsPool.query(cutGivingBack)).rowCount ?? 0;

    await expect.poll(cut, { interval: 20 }).toBeGreaterThan(0);
    const cutting = setInterval(() => void cut(), 50);
    hung.goOn();
    await hung.waitFor("back");
    await cut();
    clearInterval(cutting);
    await client.query("commit");
    client.release();

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toEqual([]);
    expect(inOrder(ranIn(hung))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("fetches no jobs before those that are being given back have gone back", async () => {
    await using test = await createTestJobs();
    await enqueueBatch(test);
    // Long enough for the lock to be there first.
    await using hung = hangingUntilTold(test, { DEAD_AFTER_MS: "2500" });
    await hung.waitFor("hanging");
    const client = await test.jobsPool.connect();
    await client.query("begin; lock table graphile_worker._private_jobs in access exclusive mode");
    const givingBack = "select from pg_locks where not granted and mode = 'RowExclusiveLock'";
    await expect.poll(async () => (await client.query(givingBack)).rowCount).toBeGreaterThan(0);

    hung.goOn();
    await hung.waitFor("back");
    await client.query("commit");
    client.release();

    await expect.poll(() => storedJobs(test.jobsPool), { timeout: 10_000 }).toEqual([]);
    expect(inOrder(ranIn(hung))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    // Or the worker itself gave them back, and was the first to get at the rows.
    await expect
      .poll(() => hung.stdout())
      .toMatch(/the process did not answer for \d+ ms; [07] jobs went back to others/);
  });
});

describe("a hang of a process whose connections set a role", () => {
  it("keeps no job of an answer that was too large for the network buffers", async () => {
    await using database = await createTestDatabase();
    await using owner = await databaseOwner(database.pool());
    const jobsUrl = owner.connectTo(database.url);
    await using jobs = createJobs({ connection: jobsUrl, logger: collectInto([]) });
    await jobs.migrate();
    const test = { jobs, jobsUrl, jobsPool: database.pool() } as TestJobs;
    await using hung = hangingWorker(test, forEver);
    await hangInLook(test, hung, 2_000_000);

    const { ran } = await otherWorker(test);

    await expect.poll(() => inOrder(ran), { timeout: 20_000 }).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});

describe("a worker whose watch has ended", () => {
  it("goes on, and logs that it runs without the watch", async () => {
    await using test = await createTestJobs();
    const threads: Thread[] = [];
    const collect = (thread: Thread) => void threads.push(thread);
    process.on("worker", collect);
    onTestFinished(() => void process.off("worker", collect));
    const { ran } = await otherWorker(test);
    await test.jobs.enqueue(hanging, { n: 1 });
    await expect.poll(() => ran).toEqual([1]);

    await Promise.all(threads.map((thread) => thread.terminate()));

    await expect
      .poll(() => test.log.map(({ level, message }) => `${level}: ${message}`))
      .toContain("warn: the worker runs without a watch for hangs");
    await test.jobs.enqueue(hanging, { n: 2 });
    await expect.poll(() => ran).toEqual([1, 2]);
  });
});

describe("a worker whose settings cannot be copied", () => {
  it("runs without the watch, and logs it, for example if its password is a function", async () => {
    await using test = await createTestJobs();
    const { hostname, port, username, password, pathname } = new URL(test.jobsUrl);
    await using pool = disposable(
      new Pool({
        host: decodeURIComponent(hostname),
        port: Number(port),
        user: decodeURIComponent(username),
        password: () => decodeURIComponent(password),
        database: decodeURIComponent(pathname.slice(1)),
      }),
    );
    const log: LogLine[] = [];
    await using jobs = createJobs({ connection: pool.pool, logger: collectInto(log) });
    const ran: number[] = [];
    await jobs.startWorker({ tasks: [perform(hanging, ({ n }) => void ran.push(n))], ...quick });

    await test.jobs.enqueue(hanging, { n: 1 });

    await expect.poll(() => ran).toEqual([1]);
    expect(log.map(({ message }) => message)).toContainEqual(expect.stringContaining("without a watch for hangs"));
  });
});

/** As many as it begins at once; the first of them hangs. */
async function enqueueBatch(test: TestJobs): Promise<void> {
  await test.jobs.enqueue(hanging, { n: 0 }, { priority: -1 });
  await test.jobs.enqueueMany(hanging, others);
}

/** It hangs once it has asked for these jobs, and leaves the answer unread. */
async function hangInLook(test: TestJobs, child: Child, padLength = 0): Promise<void> {
  await child.waitFor("started");
  // Once some have travelled by their notification alone, it is idle, and looks once for each of what follows.
  for (const n of [100, 101]) {
    await test.jobs.enqueue(hanging, { n });
    await expect.poll(() => ranIn(child)).toContain(n);
    // A job whose end was not written yet would stay with a process that hangs: it has begun.
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  }
  child.send("hang in a look");
  await child.waitFor("waiting for a look");
  // By SQL, which takes larger ones.
  await test.jobsPool.query(
    `select graphile_worker.add_jobs(array_agg(row('hanging', json_build_object('n', n, 'pad', repeat('x', $1)),
       null, null, null, null, null, null)::graphile_worker.job_spec)) from generate_series(1, 7) as n`,
    [padLength],
  );
  await child.waitFor("hanging");
  await expect.poll(() => arrivedCount(test)).toBeGreaterThan(0);
}

/** Jobs that are locked, and answers that are on their way, since they do not fit into the buffers of the sockets. */
async function arrivedCount(test: TestJobs): Promise<number> {
  const { rowCount } = await test.jobsPool.query(
    "select from pg_stat_activity where datname = current_database() and wait_event = 'ClientWrite'",
  );
  return (await lockedCount(test)) + (rowCount ?? 0);
}

/** A role that owns the tables, and a login that sets this role on each connection. */
async function databaseOwner(pool: Pool) {
  const { rows } = await pool.query<{ name: string }>("select current_database() as name");
  const name = rows[0]!.name;
  const role = `owner_${name}`.slice(0, 50);
  await pool.query(`
    create role "${role}" nologin;
    create role "${role}_login" login password 'x' noinherit in role "${role}";
    grant create on database "${name}" to "${role}"`);
  return {
    connectTo(databaseUrl: string): string {
      const url = Object.assign(new URL(databaseUrl), { username: `${role}_login`, password: "x" });
      url.searchParams.set("options", `-c role=${role}`);
      return url.href;
    },
    [Symbol.asyncDispose]: async () =>
      void (await pool.query(`drop owned by "${role}" cascade; drop role "${role}_login"; drop role "${role}"`)),
  };
}

async function connectTo(url: URL) {
  const client = new Client({ connectionString: url.href });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

function disposable(pool: Pool) {
  return { pool, [Symbol.asyncDispose]: () => pool.end() };
}

function inOrder(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}

function ranIn(child: Child): number[] {
  return Array.from(child.stdout().matchAll(/^ran (\d+)$/gm), ([, n]) => Number(n));
}

async function lockedCount(test: TestJobs): Promise<number> {
  const { rowCount } = await test.jobsPool.query("select from graphile_worker.jobs where locked_at is not null");
  return rowCount ?? 0;
}

async function lockedQueueCount(test: TestJobs): Promise<number> {
  const { rowCount } = await test.jobsPool.query(
    "select from graphile_worker._private_job_queues where locked_at is not null",
  );
  return rowCount ?? 0;
}
