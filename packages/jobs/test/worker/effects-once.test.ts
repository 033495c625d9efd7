import { createTestDatabase, runChild, terminateBackends } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { effect } from "../support/effect-task.ts";
import { effectsIn } from "../support/effects.ts";
import { holdStatement } from "../support/held-statement.ts";
import { loseWorker, resumeWorker } from "../support/lost-worker.ts";
import { collectInto, createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import {
  createJobs,
  NonRetryableError,
  perform,
  RetryAfterError,
  type AttemptContext,
  type Jobs,
} from "../../src/index.ts";
import { drain } from "../../src/testing/index.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500, pollIntervalMs: 50 };

async function createEffects(pool: Pool) {
  const effects = effectsIn(pool);
  await effects.createTables();
  return effects;
}

async function startWorker(jobs: Jobs, run: (payload: { n: number }, context: AttemptContext) => unknown) {
  const worker = await jobs.startWorker({ tasks: [perform(effect, run)], ...quick });
  onTestFinished(() => worker.stop());
}

describe("of two runs with one key", () => {
  it("the second waits for the first, then skips", async () => {
    await using database = await createTestDatabase();
    const pool = database.pool();
    const effects = await createEffects(pool);
    const first = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const firstRun = effects.writeOnce("one", 1, () => (begun.resolve(), first.promise));
    await begun.promise;
    const secondRun = effects.writeOnce("one", 2);
    await expect.poll(() => waitingUnits(pool)).toBe(1);

    first.resolve();

    expect(await Promise.all([firstRun, secondRun])).toEqual([true, false]);
    expect(await effects.written()).toEqual([1]);
  });

  it("the second waits for the first, then runs, when the first rolls back", async () => {
    await using database = await createTestDatabase();
    const pool = database.pool();
    const effects = await createEffects(pool);
    const first = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const firstRun = effects.writeOnce("one", 1, () => (begun.resolve(), first.promise));
    await begun.promise;
    const secondRun = effects.writeOnce("one", 2);
    await expect.poll(() => waitingUnits(pool)).toBe(1);

    first.reject(new Error("undo"));

    await expect(firstRun).rejects.toThrow("undo");
    expect(await secondRun).toBe(true);
    expect(await effects.written()).toEqual([2]);
  });
});

describe("a worker that was considered dead and goes on", () => {
  async function runLost(test: TestJobs, env: Record<string, string>) {
    const lost = runChild(new URL("../children/effect-worker.child.ts", import.meta.url), {
      env: { JOBS_URL: test.jobsUrl, DATA_URL: test.dataUrl, PGAPPNAME: "lost", ...env },
    });
    onTestFinished(() => void lost.kill());
    await lost.waitFor(env["HOLD_AT"] ?? "");
    await loseWorker(test.jobsPool, lost);
    return lost;
  }

  it("lets the run elsewhere wait for its unit of work, and skip what that has committed", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test.dataPool);
    await test.jobs.enqueue(effect, { n: 1 });
    const lost = await runLost(test, { HOLD_AT: "in its unit" });
    const wrote: boolean[] = [];
    await startWorker(test.jobs, async ({ n }, { idempotencyKey }) => {
      wrote.push(await effects.writeOnce(idempotencyKey, n));
    });
    await expect.poll(() => waitingUnits(test.dataPool)).toBe(1);

    await resumeWorker(lost);

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    await expect.poll(() => wrote).toEqual([false]);
    expect(await effects.written()).toEqual([1]);
  });

  it("lets the run elsewhere write once its own unit of work has been rolled back", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test.dataPool);
    await test.jobs.enqueue(effect, { n: 1 });
    const lost = await runLost(test, { HOLD_AT: "in its unit" });
    const wrote: boolean[] = [];
    await startWorker(test.jobs, async ({ n }, { idempotencyKey }) => {
      wrote.push(await effects.writeOnce(idempotencyKey, n));
    });
    await expect.poll(() => waitingUnits(test.dataPool)).toBe(1);

    await terminateBackends(test.dataUrl, { applicationName: "lost" });
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    await resumeWorker(lost);

    expect(wrote).toEqual([true]);
    expect(await effects.written()).toEqual([1]);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it("adds no second effect when its job has been done elsewhere, and takes no other job with it", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test.dataPool);
    await test.jobs.enqueue(effect, { n: 1 });
    const lost = await runLost(test, { HOLD_AT: "in the handler" });
    await startWorker(test.jobs, ({ n }, { idempotencyKey }) => effects.writeOnce(idempotencyKey, n));
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    await test.jobs.enqueue(effect, { n: 2 }, { runAt: new Date("2099-01-01") });

    await resumeWorker(lost);

    expect(await effects.written()).toEqual([1]);
    expect(await storedJobs(test.jobsPool)).toMatchObject([{ task: "effect", attempts: 0 }]);
  });

  it("does not change with its failure when and whether a later attempt runs", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test.dataPool);
    await test.jobs.enqueue(effect, { n: 1 });
    const lost = await runLost(test, { HOLD_AT: "in the handler", LAST_ERROR: "of the lost worker" });
    let isReady = false;
    await startWorker(test.jobs, async ({ n }, { idempotencyKey }) => {
      if (!isReady) throw new RetryAfterError(3_600_000);
      await effects.writeOnce(idempotencyKey, n);
    });
    await expect.poll(() => minutesUntilRun(test.jobsPool)).toBeCloseTo(60, -1);

    await resumeWorker(lost);

    expect(await minutesUntilRun(test.jobsPool)).toBeCloseTo(60, -1);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
    isReady = true;
    await test.jobsPool.query("update graphile_worker._private_jobs set run_at = now()");
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(await effects.written()).toEqual([1]);
  });

  it("does not replace with its failure what a later attempt has noted and not yet settled", async () => {
    await using test = await createTestJobs();
    await createEffects(test.dataPool);
    await test.jobs.enqueue(effect, { n: 1 });
    const lost = await runLost(test, { HOLD_AT: "in the handler", LAST_ERROR: "of the lost worker" });
    const release = "update of last_error on graphile_worker._private_jobs for each statement";
    await using held = await holdStatement(test.jobsPool, "held", release);
    await using jobs = createJobs({ connection: named(test.jobsUrl, "held"), logger: collectInto([]) });
    const attempts: number[] = [];
    await startWorker(jobs, (_, { attempt }) => {
      attempts.push(attempt);
      throw new NonRetryableError("of the later attempt");
    });
    await held.reached();

    await resumeWorker(lost);
    await held.release();

    await expect.poll(() => test.jobs.deadLetters.list()).toMatchObject([{ reason: "of the later attempt" }]);
    expect(attempts).toEqual([1]);
  });

  it("adds no second effect when it succeeds after all while its job waits for a later attempt", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test.dataPool);
    await test.jobs.enqueue(effect, { n: 1 });
    const lost = await runLost(test, { HOLD_AT: "after the commit" });
    let isReady = false;
    await startWorker(test.jobs, async ({ n }, { idempotencyKey }) => {
      if (!isReady) throw new RetryAfterError(3_600_000);
      await effects.writeOnce(idempotencyKey, n);
    });
    await expect.poll(() => minutesUntilRun(test.jobsPool)).toBeCloseTo(60, -1);

    await resumeWorker(lost);

    isReady = true;
    await test.jobsPool.query("update graphile_worker._private_jobs set run_at = now()");
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(await effects.written()).toEqual([1]);
    expect(await test.jobs.deadLetters.list()).toEqual([]);
  });

  it("leaves the named queue of its job free for the next one", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test.dataPool);
    await test.jobs.enqueue(effect, { n: 1 }, { queue: "q" });
    const lost = await runLost(test, { HOLD_AT: "after the commit" });
    const gate = Promise.withResolvers<void>();
    const seen: number[] = [];
    await startWorker(test.jobs, async ({ n }) => {
      seen.push(n);
      await gate.promise;
    });
    await expect.poll(() => seen).toEqual([1]);

    await resumeWorker(lost);
    gate.resolve();
    await test.jobs.enqueue(effect, { n: 2 }, { queue: "q" });

    await expect.poll(() => seen).toEqual([1, 2]);
    expect(await effects.written()).toEqual([1]);
  });
});

describe("an idempotency key", () => {
  it("is one from enqueue to the effect, through outbox, relay, retries and a replay from the dead letters", async () => {
    await using test = await createTestJobs({ outbox: true });
    const effects = await createEffects(test.dataPool);
    const keys: string[] = [];
    const wrote: boolean[] = [];
    const fail = async () => {
      throw new Error("again");
    };
    const client = await test.dataPool.connect();
    await client.query("begin");
    const id = await test.jobs.enqueue(effect, { n: 1 }, { tx: client });
    const { rows: outboxRows } = await client.query("select id from acme_jobs.outbox");
    await client.query("commit");
    client.release();

    await startWorker(test.jobs, async ({ n }, { attempt, idempotencyKey }) => {
      keys.push(idempotencyKey);
      if (keys.length === 1) await fail();
      wrote.push(await effects.writeOnce(idempotencyKey, n, attempt === 2 ? fail : undefined));
      if (keys.length === 3) await fail();
    });
    await expect.poll(() => test.jobs.deadLetters.list()).toMatchObject([{ id, attempts: 3 }]);
    await test.jobs.deadLetters.retry(id);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);

    expect(outboxRows).toEqual([{ id }]);
    expect(keys).toEqual([id, id, id, id]);
    expect(wrote).toEqual([true, false]);
    expect(await effects.written()).toEqual([1]);
  });

  it("is not repeated when the jobs move to a new database, where Graphile Worker counts from 1 again", async () => {
    await using before = await createTestJobs();
    await using newDatabase = await createTestDatabase();
    await using after = createJobs({ connection: newDatabase.url, logger: collectInto([]) });
    await after.migrate();
    const effects = await createEffects(before.dataPool);
    const seen: { jobId: string; key: string }[] = [];
    const write = perform(effect, async ({ n }, { jobId, idempotencyKey }) => {
      seen.push({ jobId, key: idempotencyKey });
      await effects.writeOnce(idempotencyKey, n);
    });
    await addBySql(before.jobsPool, 1);
    await before.jobs.enqueue(effect, { n: 2 });
    await drain(before.jobs, { tasks: [write] });

    await addBySql(newDatabase.pool(), 3);
    await after.enqueue(effect, { n: 4 });
    await drain(after, { tasks: [write] });

    expect(seen.map(({ jobId }) => jobId).toSorted()).toEqual(["1", "1", "2", "2"]);
    expect(new Set(seen.map(({ key }) => key)).size).toBe(4);
    expect(await effects.written()).toEqual([1, 2, 3, 4]);
  });

  it("is not repeated where a failover or a restore makes Graphile Worker give out its numbers once more", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test.dataPool);
    const { seen, write } = writing(effects);
    await addBySql(test.jobsPool, 1);
    await drain(test.jobs, { tasks: [write] });

    // As on a standby that has not received the first job.
    await test.jobsPool.query("select setval(pg_get_serial_sequence('graphile_worker._private_jobs', 'id'), 1, false)");
    await addBySql(test.jobsPool, 2);
    await drain(test.jobs, { tasks: [write] });

    expect(seen.map(({ jobId }) => jobId)).toEqual(["1", "1"]);
    expect(await effects.written()).toEqual([1, 2]);
  });
});

async function addBySql(pool: Pool, n: number): Promise<void> {
  await pool.query("select graphile_worker.add_job('effect', json_build_object('n', $1::int))", [n]);
}

async function waitingUnits(pool: Pool): Promise<number> {
  return countSessions(pool, "wait_event_type = 'Lock' and query like '%idempotency_keys%'");
}

async function countSessions(pool: Pool, condition: string): Promise<number> {
  const { rowCount } = await pool.query(
    `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and ${condition}`,
  );
  return rowCount ?? 0;
}

async function minutesUntilRun(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ minutes: number }>(
    "select (extract(epoch from run_at - now()) / 60)::float8 as minutes from graphile_worker.jobs where locked_at is null",
  );
  return rows[0]?.minutes ?? 0;
}

function named(url: string, applicationName: string): string {
  const changed = new URL(url);
  changed.searchParams.set("application_name", applicationName);
  return changed.href;
}

function writing(effects: ReturnType<typeof effectsIn>) {
  const seen: { jobId: string; key: string }[] = [];
  const write = perform(effect, async ({ n }, { jobId, idempotencyKey }) => {
    seen.push({ jobId, key: idempotencyKey });
    await effects.writeOnce(idempotencyKey, n);
  });
  return { seen, write };
}
