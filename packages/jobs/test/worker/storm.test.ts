import { startServer, terminateBackends } from "@acme/test-postgres";
import { setInterval as every, setTimeout as pause } from "node:timers/promises";
import { Pool, type PoolClient } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createAttemptLedger, type AttemptLedger } from "../support/attempt-ledger.ts";
import { collectInto, createTestJobs, type LogLine } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform, retry, type Jobs } from "../../src/index.ts";

/** Longer than Graphile Worker's own 2.7 s, which must not show through. */
const retryDelayMs = 3_500;
const stormy = defineTask("stormy", {
  payload: z.object({ n: z.number() }),
  retry: retry.schedule([retryDelayMs, ...Array.from({ length: 18 }, () => 10)]),
});
const mostUnderWay = 150;

const performStormy = (ledger: AttemptLedger) =>
  perform(stormy, async ({ n }, { attempt }) => {
    await ledger.note(n, attempt, "begun");
    const fails = n % 4 === 0 && attempt === 1;
    await ledger.note(n, attempt, fails ? "failed" : "done");
    if (fails) throw new Error("on purpose");
  });

describe("a storm under load", () => {
  it("of a server that stops and starts loses no job, retries none early and leaves nothing locked", async ({
    annotate,
  }) => {
    await using server = await startServer({ databases: ["jobs"] });
    await using ledger = await createAttemptLedger();
    await using jobs = createJobs({ connection: server.url("jobs"), logger: collectInto([]) });
    await using others = createJobs({ connection: server.url("jobs"), logger: collectInto([]) });
    await jobs.migrate();
    const workers = [
      await jobs.startWorker({ tasks: [performStormy(ledger)] }),
      await others.startWorker({ tasks: [performStormy(ledger)] }),
    ];
    const load = keepEnqueueing(jobs, ledger);

    for (let round = 0; round < 3; round++) {
      await doneMore(ledger, 100);
      await server.stop();
      await expect
        .poll(() => workers.map(({ state }) => state), { timeout: 20_000 })
        .toEqual(["recovering", "recovering"]);
      await server.start();
    }

    await annotate(`100 jobs done ${await millisecondsOf(() => doneMore(ledger, 100))} ms after the last start`);
    const enqueued = await load.stop();
    await allDone(ledger, enqueued);
    await Promise.all(workers.map((worker) => worker.stop()));
    await expectCalm(server.url("jobs"));
    expect(await jobs.deadLetters.list()).toEqual([]);
    await expectNoneEarly(ledger);
  });

  it("of terminated backends, all of them every second, loses no job, retries none early and leaves nothing locked", async ({
    annotate,
  }) => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    await using others = createJobs({ connection: test.jobsUrl, logger: collectInto([]) });
    const workers = [
      await test.jobs.startWorker({ tasks: [performStormy(ledger)] }),
      await others.startWorker({ tasks: [performStormy(ledger)] }),
    ];
    const load = keepEnqueueing(test.jobs, ledger);

    let rounds = 0;
    for await (const _ of every(1_000)) {
      await terminateBackends(test.jobsUrl);
      if (++rounds === 6) break;
    }

    await annotate(`100 jobs done ${await millisecondsOf(() => doneMore(ledger, 100))} ms after the last round`);
    const enqueued = await load.stop();
    await allDone(ledger, enqueued);
    await Promise.all(workers.map((worker) => worker.stop()));
    await expectCalm(test.jobsUrl);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
    await expectNoneEarly(ledger);
  });
});

describe("a worker whose pool is exhausted", () => {
  it("by its own jobs is not considered dead, and runs each job once", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    const { pool, jobs } = withOwnPool(test.jobsUrl, { max: 4 });
    const gate = Promise.withResolvers<void>();
    onTestFinished(() => gate.resolve());
    await jobs.startWorker({
      tasks: [
        perform(stormy, async ({ n }, { attempt }) => {
          await ledger.note(n, attempt, "begun");
          const client = await pool.connect();
          await gate.promise;
          await client.query("select 1").finally(() => client.release());
          await ledger.note(n, attempt, "done");
        }),
      ],
      ...quick,
    });
    const watcher = await startWatcher(test.jobsUrl);
    await test.jobs.enqueueMany(stormy, numbers(50));
    await expect.poll(() => pool.waitingCount).toBeGreaterThan(0);
    // Its heartbeat must find a connection now, when the pool has none.
    await endSessionsOfWorkers(test.jobsPool);

    await watcher.looksOften();
    gate.resolve();

    await allDone(ledger, 50);
    expect(await ledger.doneTimes()).toEqual(Array.from({ length: 50 }, () => 1));
    expect(watcher.recoveries()).toEqual([]);
    await Promise.all([jobs.close(), watcher.stop()]);
    await expectCalm(test.jobsUrl);
  });

  it("by other code writes the ends of its jobs when it can, and retries none early", async ({ annotate }) => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    const { pool, jobs } = withOwnPool(test.jobsUrl, { max: 4, connectionTimeoutMillis: 100 });
    const gate = Promise.withResolvers<void>();
    onTestFinished(() => gate.resolve());
    const worker = await jobs.startWorker({
      tasks: [
        perform(stormy, async ({ n }, { attempt }) => {
          await ledger.note(n, attempt, "begun");
          await gate.promise;
          const fails = n % 4 === 0 && attempt === 1;
          await ledger.note(n, attempt, fails ? "failed" : "done");
          if (fails) throw new Error("on purpose");
        }),
      ],
      ...quick,
    });
    const watcher = await startWatcher(test.jobsUrl);
    await test.jobs.enqueueMany(stormy, numbers(10));
    await expect.poll(() => runningCount(test.jobsPool)).toBe(10);
    const release = await takeAll(pool);
    gate.resolve();
    await expect.poll(() => ledger.doneCount()).toBe(7);
    await test.jobs.enqueueMany(stormy, numbers(50, 10));

    await watcher.looksOften();
    const stateMeanwhile = worker.state;
    release();

    await annotate(`100 jobs done ${await millisecondsOf(() => allDone(ledger, 60))} ms after the release`);
    expect(stateMeanwhile).toBe("recovering");
    expect(watcher.recoveries()).toEqual([]);
    expect(await ledger.doneTimes()).toEqual(Array.from({ length: 60 }, () => 1));
    await Promise.all([jobs.close(), watcher.stop()]);
    await expectCalm(test.jobsUrl);
    await expectNoneEarly(ledger);
  });
});

const quick = { heartbeatMs: 100, deadAfterMs: 500, pollIntervalMs: 50 };

function numbers(count: number, from = 0): { n: number }[] {
  return Array.from({ length: count }, (_, index) => ({ n: from + index }));
}

/** Adds jobs as fast as they are done, and repeats what the database has refused. */
function keepEnqueueing(jobs: Jobs, ledger: AttemptLedger): { stop(): Promise<number> } {
  let enqueued = 0;
  const stopping = new AbortController();
  const loop = async () => {
    while (!stopping.signal.aborted) {
      const isBehind = enqueued - (await ledger.doneCount()) < mostUnderWay;
      const added = isBehind && (await jobs.enqueueMany(stormy, numbers(20, enqueued)).then(...isTaken));
      if (added) enqueued += 20;
      else await pause(10);
    }
  };
  const finished = loop();
  return {
    async stop() {
      stopping.abort();
      await finished;
      return enqueued;
    },
  };
}

const isTaken = [() => true, () => false] as const;

async function doneMore(ledger: AttemptLedger, count: number): Promise<void> {
  const enough = (await ledger.doneCount()) + count;
  await expect.poll(() => ledger.doneCount(), { timeout: 15_000 }).toBeGreaterThanOrEqual(enough);
}

async function allDone(ledger: AttemptLedger, enqueued: number): Promise<void> {
  await expect.poll(() => ledger.doneCount(), { timeout: 30_000 }).toBe(enqueued);
}

async function millisecondsOf(work: () => Promise<void>): Promise<number> {
  const beganAt = performance.now();
  await work();
  return Math.round(performance.now() - beganAt);
}

async function expectNoneEarly(ledger: AttemptLedger): Promise<void> {
  const delays = await ledger.delaysAfter(1);
  expect(delays).not.toEqual([]);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(retryDelayMs);
}

/** Nothing is stored or locked any more, at once; the sessions of the workers take a moment to end. */
async function expectCalm(url: string): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 });
  onTestFinished(() => pool.end());
  pool.on("error", () => undefined);
  const { rows } = await pool.query(`
    select
      (select count(*)::int from graphile_worker.jobs) as jobs,
      (select count(*)::int from graphile_worker._private_job_queues where locked_at is not null) as queues,
      (select count(*)::int from acme_jobs.failures where not is_settled) as unsettled`);
  expect(rows).toEqual([{ jobs: 0, queues: 0, unsettled: 0 }]);
  await expect.poll(() => advisoryLocks(pool)).toBe(0);
}

/** They hold the locks that say which worker lives. */
async function endSessionsOfWorkers(pool: Pool): Promise<void> {
  await pool.query(
    "select pg_terminate_backend(pid) from pg_locks join pg_database on oid = database where locktype = 'advisory' and datname = current_database()",
  );
}

async function advisoryLocks(pool: Pool): Promise<number> {
  const { rows } = await pool.query(
    "select from pg_locks join pg_database on oid = database where locktype = 'advisory' and datname = current_database()",
  );
  return rows.length;
}

function withOwnPool(url: string, options: { max: number; connectionTimeoutMillis?: number }) {
  const pool = new Pool({ connectionString: url, ...options });
  const jobs = createJobs({ connection: pool, logger: collectInto([]) });
  onTestFinished(async () => {
    await jobs.close();
    await pool.end();
  });
  return { pool, jobs };
}

/** A worker of another task, on its own connections, that would recover the jobs of a dead one. */
async function startWatcher(url: string) {
  const log: LogLine[] = [];
  const jobs = createJobs({ connection: url, logger: collectInto(log) });
  onTestFinished(() => jobs.close());
  const idle = defineTask("idle", { payload: z.object({}) });
  await jobs.startWorker({ tasks: [perform(idle, () => undefined)], ...quick });
  return {
    stop: () => jobs.close(),
    recoveries: () => log.filter(({ message }) => message.includes("dead worker")),
    /** Resolves when it has looked for longer than a heartbeat may be old. */
    async looksOften() {
      const id = await jobs.enqueue(idle, {}, { runAt: new Date(Date.now() + 4 * quick.deadAfterMs) });
      await expect
        .poll(() => log.some(({ fields, message }) => message === "job done" && fields["task"] === "idle"), {
          message: id,
        })
        .toBe(true);
    },
  };
}

async function runningCount(pool: Pool): Promise<number> {
  const { rows } = await pool.query("select from graphile_worker.jobs where locked_at is not null");
  return rows.length;
}

/** Checks out what the pool has to give, also what comes back to it meanwhile, and keeps it. */
async function takeAll(pool: Pool): Promise<() => void> {
  // One of them is the listener's, which never comes back.
  const taken = await Promise.all(Array.from({ length: pool.options.max - 1 }, () => connectAtLast(pool)));
  return () => taken.forEach((client) => client.release());
}

/** The short connection timeout of this pool is a fault for the worker, but not for the code that takes all connections. */
async function connectAtLast(pool: Pool): Promise<PoolClient> {
  for (;;) {
    try {
      return await pool.connect();
    } catch (error) {
      if (!/timeout/.test(String(error))) throw error;
    }
  }
}
