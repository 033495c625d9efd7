import { runChild } from "@acme/test-postgres";
import { Client, type Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { effect } from "../support/effect-task.ts";
import { effectsIn } from "../support/effects.ts";
import { killable } from "../support/killable-task.ts";
import { resumeWorker } from "../support/lost-worker.ts";
import { createTestJobs, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { perform, RetryAfterError, type AttemptContext } from "../../src/index.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500, pollIntervalMs: 50 };
/** Several times what makes a worker with these settings a dead one. */
const longAfterMs = 1_500;

async function createEffects(test: TestJobs) {
  const effects = effectsIn(test.dataPool);
  await effects.createTables();
  return effects;
}

async function startOurs(
  test: TestJobs,
  run: (payload: { n: number }, context: AttemptContext) => unknown = () => undefined,
) {
  const attempts: { n: number; attempt: number }[] = [];
  const worker = await test.jobs.startWorker({
    tasks: [
      perform(effect, (payload, context) => {
        attempts.push({ n: payload.n, attempt: context.attempt });
        return run(payload, context);
      }),
    ],
    concurrency: 1,
    ...quick,
  });
  onTestFinished(() => worker.stop());
  return { worker, attempts };
}

function startPlain(test: TestJobs, mode: "do" | "fail" | "hold", task = "effect") {
  const plain = runChild(new URL("../children/plain-worker.child.ts", import.meta.url), {
    env: { JOBS_URL: test.jobsUrl, TASKS: task, MODE: mode },
  });
  onTestFinished(() => void plain.kill());
  return plain;
}

describe("a plain Graphile Worker beside ours", () => {
  it.each([
    ["while it lives", false],
    ["also when it has been killed, for Graphile Worker to recover", true],
  ])("keeps the jobs it has locked, %s", async (_, isKilled) => {
    await using test = await createTestJobs();
    const plain = startPlain(test, "hold");
    await test.jobs.enqueue(effect, { n: 1 });
    await plain.waitFor("running");
    const before = await lockOf(test.jobsPool);
    if (isKilled) await plain.kill();

    const { attempts } = await startOurs(test);
    await beatFor(test.jobsPool, longAfterMs);

    expect(await lockOf(test.jobsPool)).toEqual(before);
    expect(attempts).toEqual([]);
  });

  it("leaves ours the job it has locked, and takes another", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test);
    const gate = Promise.withResolvers<void>();
    const { attempts } = await startOurs(test, () => gate.promise);
    await test.jobs.enqueue(effect, { n: 1 });
    await expect.poll(() => attempts).toEqual([{ n: 1, attempt: 1 }]);
    const before = await lockOf(test.jobsPool);

    startPlain(test, "do");
    await test.jobs.enqueue(effect, { n: 2 });

    await expect.poll(() => effects.written()).toEqual([2]);
    // The plain worker completes its job after the effect.
    await expect.poll(() => lockOf(test.jobsPool)).toEqual(before);
    gate.resolve();
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(attempts).toEqual([{ n: 1, attempt: 1 }]);
  });

  it("does its tasks, and ours does its own", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test);
    startPlain(test, "do", killable.name);
    const { attempts } = await startOurs(test);

    await test.jobs.enqueueMany(killable, numbers(0, 20));
    await test.jobs.enqueueMany(effect, numbers(20, 40));

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(await effects.written()).toEqual(numbers(0, 20).map(({ n }) => n));
    expect(attempts.map(({ n }) => n)).toEqual(numbers(20, 40).map(({ n }) => n));
  });

  it("shares the jobs of a task with ours, each run once", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test);
    const gate = Promise.withResolvers<void>();
    const plain = startPlain(test, "hold");
    const { attempts } = await startOurs(test, async ({ n }, { idempotencyKey }) => {
      await gate.promise;
      await effects.writeOnce(idempotencyKey, n);
    });
    await test.jobs.enqueueMany(effect, numbers(0, 40));
    await plain.waitFor("running");
    await expect.poll(() => attempts.length).toBe(1);

    plain.send("go on");
    gate.resolve();

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(await effects.written()).toEqual(numbers(0, 40).map(({ n }) => n));
    expect(attempts.length).toBeLessThan(40);
  });

  it("gives a job that fails there its own delay, and ours runs it as the next attempt", async () => {
    await using test = await createTestJobs();
    const plain = startPlain(test, "fail");
    await test.jobs.enqueue(effect, { n: 1 });
    await plain.waitFor("running");
    await expect.poll(() => secondsUntilRun(test.jobsPool)).toBeGreaterThan(0);
    await plain.kill();
    const delayed = await secondsUntilRun(test.jobsPool);

    const { attempts } = await startOurs(test);

    // e seconds, where the task's policy says none.
    expect(delayed).toBeLessThanOrEqual(Math.E);
    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(attempts).toEqual([{ n: 1, attempt: 2 }]);
  });

  it("counts its attempts together with ours, before and after", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(effect, { n: 1 });
    const first = await startOurs(test, () => {
      throw new RetryAfterError(3_600_000);
    });
    await expect.poll(() => secondsUntilRun(test.jobsPool)).toBeGreaterThan(3_000);
    await first.worker.stop();
    const plain = startPlain(test, "fail");
    await makeDue(test.jobsPool);
    await plain.waitFor("running");
    await expect.poll(() => secondsUntilRun(test.jobsPool)).toBeGreaterThan(0);
    await plain.kill();

    const second = await startOurs(test);
    await makeDue(test.jobsPool);

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect([...first.attempts, ...second.attempts].map(({ attempt }) => attempt)).toEqual([1, 3]);
  });

  it("loses no job whose attempts it has used up: ours makes it a dead letter", async () => {
    await using test = await createTestJobs();
    const id = await test.jobs.enqueue(effect, { n: 1 });
    const plain = startPlain(test, "fail");
    for (let attempt = 1; attempt <= effect.retry.attempts; attempt++) {
      await plain.waitFor("running");
      await expect.poll(() => secondsUntilRun(test.jobsPool)).toBeGreaterThan(0);
      if (attempt < effect.retry.attempts) await makeDue(test.jobsPool);
    }
    await plain.kill();

    const { attempts } = await startOurs(test);
    await makeDue(test.jobsPool);

    await expect.poll(() => test.jobs.deadLetters.list()).toMatchObject([{ id, payload: { n: 1 } }]);
    expect(attempts).toEqual([]);
  });
});

describe("a worker of ours of another version", () => {
  /** What every version does to be known to live: a row whose heartbeat is fresh, and a lock of its session. */
  async function startOther(test: TestJobs, heartbeatAgo: string) {
    await test.jobs.enqueue(effect, { n: 1 });
    await test.jobsPool.query(
      "update graphile_worker._private_jobs set locked_by = 'other', locked_at = now(), attempts = 1",
    );
    await test.jobsPool.query(
      "insert into acme_jobs.workers (pool_id, heartbeat_at) values ('other', now() - $1::interval)",
      [heartbeatAgo],
    );
  }

  it("keeps its jobs while it holds its lock, however old its heartbeat, and loses them with the lock", async () => {
    await using test = await createTestJobs();
    await startOther(test, "1 hour");
    const session = new Client({ connectionString: test.jobsUrl });
    await session.connect();
    await session.query("select pg_advisory_lock(hashtextextended('acme_jobs:worker:' || 'other', 0))");
    const { attempts } = await startOurs(test);

    await beatFor(test.jobsPool, longAfterMs);
    const whileHeld = [...attempts];
    await session.end();

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect([whileHeld, attempts]).toEqual([[], [{ n: 1, attempt: 1 }]]);
  });

  it("keeps its jobs while its heart beats, though it has lost its lock, and loses them when it beats no more", async () => {
    await using test = await createTestJobs();
    await startOther(test, "0");
    const { attempts } = await startOurs(test);

    await beatFor(test.jobsPool, longAfterMs, () =>
      test.jobsPool.query("update acme_jobs.workers set heartbeat_at = clock_timestamp() where pool_id = 'other'"),
    );
    const whileBeating = [...attempts];

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect([whileBeating, attempts]).toEqual([[], [{ n: 1, attempt: 1 }]]);
  });

  it("may keep more about workers than ours knows of", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query(`
      alter table acme_jobs.workers add column version text not null default 'newer', add column host jsonb;
      alter table acme_jobs.failures add column trace_id text`);
    await startOther(test, "1 hour");

    const { worker, attempts } = await startOurs(test);

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(attempts).toEqual([{ n: 1, attempt: 1 }]);
    await expect.poll(() => worker.state).toBe("running");
  });
});

describe("a worker whose process is paused", () => {
  it("keeps its jobs for as long as the server keeps its session, and finishes its job", async () => {
    await using test = await createTestJobs();
    const effects = await createEffects(test);
    const paused = runChild(new URL("../children/effect-worker.child.ts", import.meta.url), {
      env: { JOBS_URL: test.jobsUrl, DATA_URL: test.dataUrl, HOLD_AT: "in the handler" },
    });
    onTestFinished(() => void paused.kill());
    await test.jobs.enqueue(effect, { n: 1 });
    await paused.waitFor("in the handler");
    process.kill(paused.pid, "SIGSTOP");

    const { attempts } = await startOurs(test);
    await beatFor(test.jobsPool, longAfterMs);
    await resumeWorker(paused);

    expect(attempts).toEqual([]);
    expect(await effects.written()).toEqual([1]);
    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });
});

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => ({ n: from + index }));

/** Resolves when a worker has shown for so long, from now on, that it lives and looks after the others. */
async function beatFor(pool: Pool, milliseconds: number, meanwhile = async (): Promise<unknown> => undefined) {
  const { rows } = await pool.query("select clock_timestamp() as began");
  const isOver = async () => {
    await meanwhile();
    const { rowCount } = await pool.query(
      `select from acme_jobs.workers
       where pool_id <> 'other' and heartbeat_at > $1::timestamptz + $2::float8 * interval '1 millisecond'`,
      [rows[0].began, milliseconds],
    );
    return rowCount;
  };
  await expect.poll(isOver).toBe(1);
}

async function lockOf(pool: Pool) {
  const { rows } = await pool.query(
    "select id, attempts, locked_at, locked_by from graphile_worker.jobs where locked_by is not null",
  );
  return rows;
}

async function secondsUntilRun(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ seconds: number }>(
    "select extract(epoch from run_at - now())::float8 as seconds from graphile_worker.jobs where locked_at is null",
  );
  return rows[0]?.seconds ?? 0;
}

async function makeDue(pool: Pool): Promise<void> {
  await pool.query("update graphile_worker._private_jobs set run_at = now()");
}
