import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform, retry } from "../../src/index.ts";
import { collectInto, createTestJobs, storedJobs } from "../support/test-jobs.ts";

const payload = z.object({});
/** Time to take a right away between two attempts. */
const failsOnce = defineTask("failsOnce", { payload, retry: retry.fixed({ attempts: 2, delayMs: 1_500 }) });

/** Its first attempt has failed, and all of that is written. */
async function untilSettled(test: Awaited<ReturnType<typeof createTestJobs>>): Promise<void> {
  const settled = "select 1 from acme_jobs.failures where is_settled";
  await expect.poll(async () => (await test.jobsPool.query(settled)).rowCount, { interval: 5 }).toBe(1);
}

async function createRole(test: Awaited<ReturnType<typeof createTestJobs>>) {
  const role = `limited_${test.jobsUrl.length}_${process.pid}_${performance.now().toFixed(0)}`;
  await test.jobsPool.query(`create role ${role} bypassrls login password 'x';
    grant usage on schema graphile_worker, acme_jobs to ${role};
    grant select, insert, update, delete on all tables in schema graphile_worker, acme_jobs to ${role};
    grant usage, select on all sequences in schema graphile_worker, acme_jobs to ${role};
    grant execute on all functions in schema graphile_worker to ${role}`);
  const url = new URL(test.jobsUrl);
  Object.assign(url, { username: role, password: "x" });
  return {
    url: url.href,
    revoke: (right = "update") => test.jobsPool.query(`revoke ${right} on acme_jobs.failures from ${role}`),
    grant: (right = "update") => test.jobsPool.query(`grant ${right} on acme_jobs.failures to ${role}`),
    /** Such as "revoke all on graphile_worker._private_jobs from ROLE". */
    change: (sql: string) => test.jobsPool.query(sql.replace("ROLE", role)),
    endSessions: () =>
      test.jobsPool.query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = $1", [role]),
    async [Symbol.asyncDispose]() {
      await test.jobsPool.query(`drop owned by ${role}; drop role ${role}`);
    },
  };
}

it("an attempt that the database does not let begin is not used up, and the worker is not running meanwhile", async () => {
  await using test = await createTestJobs();
  await using role = await createRole(test);
  await using jobs = createJobs({ connection: role.url, logger: collectInto([]) });
  const attempts: number[] = [];
  const worker = await jobs.startWorker({
    migrate: false,
    tasks: [
      perform(failsOnce, (_, { attempt }) => {
        attempts.push(attempt);
        if (attempt === 1) throw new Error("once");
      }),
    ],
  });
  await test.jobs.enqueue(failsOnce, {});
  await untilSettled(test);
  await role.revoke();

  await expect.poll(() => worker.state, { interval: 5 }).toBe("recovering");
  await role.grant();

  await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  expect(attempts).toEqual([1, 2]);
  expect(await test.jobs.deadLetters.list()).toEqual([]);
  await expect.poll(() => worker.state).toBe("running");
});

it("a worker whose attempts the database does not let begin ends loudly", async () => {
  await using test = await createTestJobs();
  await using role = await createRole(test);
  await using jobs = createJobs({ connection: role.url, logger: collectInto([]) });
  const worker = await jobs.startWorker({
    migrate: false,
    giveUpAfterMs: 1_000,
    tasks: [
      perform(failsOnce, () => {
        throw new Error("once");
      }),
    ],
  });
  await test.jobs.enqueue(failsOnce, {});
  await untilSettled(test);
  await role.revoke();

  await expect(worker.finished).rejects.toMatchObject({ code: "WORKER_FAILED" });
});

it("a failed attempt that the database does not let be noted is not repeated, and ends as it should afterwards", async () => {
  await using test = await createTestJobs();
  await using role = await createRole(test);
  await using jobs = createJobs({ connection: role.url, logger: collectInto([]) });
  const never = defineTask("never", { payload, retry: retry.never });
  let count = 0;
  const failing = perform(never, () => {
    count += 1;
    throw new Error("never again");
  });
  const worker = await jobs.startWorker({ migrate: false, tasks: [failing] });
  await role.revoke("insert");

  await test.jobs.enqueue(never, {});
  await expect.poll(() => worker.state, { interval: 5 }).toBe("recovering");
  await role.grant("insert");

  await expect.poll(async () => (await test.jobs.deadLetters.list()).length).toBe(1);
  expect(count).toBe(1);
  await expect.poll(() => worker.state).toBe("running");
});

it("a worker that is not let note its failures ends loudly", async () => {
  await using test = await createTestJobs();
  await using role = await createRole(test);
  await using jobs = createJobs({ connection: role.url, logger: collectInto([]) });
  const failing = perform(failsOnce, () => {
    throw new Error("always");
  });
  const worker = await jobs.startWorker({ migrate: false, giveUpAfterMs: 1_000, tasks: [failing] });
  await role.revoke("insert");

  await test.jobs.enqueue(failsOnce, {});

  await expect(worker.finished).rejects.toMatchObject({ code: "WORKER_FAILED" });
});

it("an attempt that the database did not let begin is not used up by the stop of its worker", async () => {
  await using test = await createTestJobs();
  await using role = await createRole(test);
  const attempts: number[] = [];
  const failing = perform(failsOnce, (_, { attempt }) => {
    attempts.push(attempt);
    if (attempt === 1) throw new Error("once");
  });
  const limited = createJobs({ connection: role.url, logger: collectInto([]) });
  const worker = await limited.startWorker({ migrate: false, tasks: [failing] });
  await test.jobs.enqueue(failsOnce, {});
  await untilSettled(test);
  await role.revoke();
  await expect.poll(() => worker.state, { interval: 5 }).toBe("recovering");

  await worker.stop({ deadlineMs: 0 }).catch(() => undefined);
  await limited.close();
  await role.grant();
  const next = await test.jobs.startWorker({ tasks: [failing] });

  await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
  expect(attempts).toEqual([1, 2]);
  expect(await test.jobs.deadLetters.list()).toEqual([]);
  await next.stop();
});

const refusals = [
  {
    refusal: "the right to write it",
    begin: "revoke all on graphile_worker._private_jobs from ROLE",
    end: "grant all on graphile_worker._private_jobs to ROLE",
  },
  { refusal: "its password", begin: "alter role ROLE password 'other'", end: "alter role ROLE password 'x'" },
  { refusal: "its login", begin: "alter role ROLE nologin", end: "alter role ROLE login" },
];

describe("a job that is done while the database refuses", () => {
  it.each(refusals)("$refusal is not run again: its end is written when that is over", async ({ begin, end }) => {
    await using test = await createTestJobs();
    await using role = await createRole(test);
    await using jobs = createJobs({ connection: role.url, logger: collectInto([]) });
    const { runs, begun, finish, task } = heldTask();
    const worker = await jobs.startWorker({ migrate: false, tasks: [task] });
    await test.jobs.enqueue(heldWork, {});
    await begun;

    await role.change(begin);
    // Who may no longer log in keeps the sessions that are there.
    if (begin.startsWith("alter role")) await role.endSessions();
    finish();
    await expect.poll(() => worker.state, { interval: 5 }).toBe("recovering");
    await role.change(end);

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    expect(runs).toEqual([1]);
    await expect.poll(() => worker.state).toBe("running");
  });

  it("that for long ends its worker loudly", async () => {
    await using test = await createTestJobs();
    await using role = await createRole(test);
    await using jobs = createJobs({ connection: role.url, logger: collectInto([]) });
    const { begun, finish, task } = heldTask();
    const worker = await jobs.startWorker({ migrate: false, giveUpAfterMs: 1_000, tasks: [task] });
    await test.jobs.enqueue(heldWork, {});
    await begun;

    await role.change("revoke delete on graphile_worker._private_jobs from ROLE");
    finish();

    await expect(worker.finished).rejects.toMatchObject({ code: "WORKER_FAILED" });
  });
});

describe.each(refusals)("25 jobs that end while the database refuses $refusal", ({ begin, end }) => {
  it.each(["well", "badly"])("are written afterwards, and keep no connection: those that end %s", async (ending) => {
    await using test = await createTestJobs();
    await using role = await createRole(test);
    const pool = new Pool({ connectionString: role.url, max: 10 });
    const jobs = createJobs({ connection: pool, logger: collectInto([]) });
    const runs: number[] = [];
    const finishing = Promise.withResolvers<void>();
    const task = perform(heldWork, async (_, { attempt }) => {
      runs.push(attempt);
      await finishing.promise;
      if (ending === "badly" && attempt === 1) throw new Error("bad");
    });
    const worker = await jobs.startWorker({ migrate: false, concurrency: 25, tasks: [task] });
    await test.jobs.enqueueMany(
      heldWork,
      Array.from({ length: 25 }, () => ({})),
    );
    await expect.poll(() => runs.length).toBe(25);

    await role.change(begin);
    if (begin.startsWith("alter role")) await role.endSessions();
    finishing.resolve();
    await expect.poll(() => worker.state, { interval: 5 }).toBe("recovering");
    await role.change(end);

    await expect.poll(() => storedJobs(test.jobsPool)).toEqual([]);
    const perJob = ending === "well" ? [1] : [1, 2];
    expect(runs.toSorted()).toEqual(perJob.flatMap((attempt) => Array.from({ length: 25 }, () => attempt)));
    await worker.stop();
    await jobs.close();
    await pool.end();
  });
});

const heldWork = defineTask("heldWork", { payload, retry: retry.fixed({ attempts: 2, delayMs: 0 }) });

/** Its attempt lasts until it is told to finish. */
function heldTask() {
  const runs: number[] = [];
  const started = Promise.withResolvers<void>();
  const finishing = Promise.withResolvers<void>();
  const task = perform(heldWork, async (_, { attempt }) => {
    runs.push(attempt);
    started.resolve();
    await finishing.promise;
  });
  return { runs, begun: started.promise, finish: finishing.resolve, task };
}
