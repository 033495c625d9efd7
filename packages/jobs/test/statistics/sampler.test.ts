import { runChild, startProxy, startServer } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { killable, single } from "../support/killable-task.ts";
import { recordStatements } from "../support/recorded-statements.ts";
import { collectInto, createTestJobs, type LogLine, type TestJobs } from "../support/test-jobs.ts";
import { readSample } from "../../src/statistics/samples-table.ts";
import { restAfterSample, takeSampleIfDue } from "../../src/statistics/sampler.ts";
import { createJobs, perform } from "../../src/index.ts";

describe("a sample", () => {
  it("has the jobs of each task by what they wait for, and the age of the oldest by when it was due", async () => {
    await using test = await createTestJobs();
    const hourAway = { runAt: new Date(Date.now() + 3_600_000) };
    await test.jobs.enqueueMany(killable, [{ n: 1 }, { n: 2 }]);
    await test.jobs.enqueue(killable, { n: 3 }, hourAway);
    await test.jobs.enqueue(single, { n: 1 }, hourAway);
    await test.jobsPool.query(
      `update graphile_worker._private_jobs set created_at = now() - interval '1 day',
         run_at = case when run_at < now() then now() - interval '10 seconds' else run_at end`,
    );
    await addDeadLetters(test.jobsPool, "gone", 3);

    await take(test);

    expect(await sampleOf(test)).toMatchObject({
      isCapped: false,
      tasks: [
        { task: "gone", due: 0, scheduled: 0, locked: 0, dead: 3, oldestDueAgeMs: 0 },
        { task: "killable", due: 2, scheduled: 1, locked: 0, dead: 0 },
        { task: "single", due: 0, scheduled: 1, locked: 0, dead: 0, oldestDueAgeMs: 0 },
      ],
    });
    const oldest = (await sampleOf(test))?.tasks[1]?.oldestDueAgeMs ?? 0;
    expect(oldest).toBeGreaterThan(9_999);
    expect(oldest).toBeLessThan(15_000);
  });

  it("counts a job that runs in its last attempt, but not one that has none left", async () => {
    await using test = await createTestJobs();
    const gate = Promise.withResolvers<void>();
    const worker = await test.jobs.startWorker({ tasks: [perform(single, () => gate.promise)], statistics: false });
    await test.jobs.enqueue(single, { n: 1 });
    await expect.poll(() => lockedCount(test)).toBe(1);
    await test.jobsPool.query("update graphile_worker._private_jobs set max_attempts = attempts");
    // As a plain Graphile Worker leaves them.
    await test.jobsPool.query("select graphile_worker.add_job('plain', max_attempts := 1)");
    await test.jobsPool.query("update graphile_worker._private_jobs set attempts = 1 where locked_at is null");

    await take(test);

    expect(await sampleOf(test)).toMatchObject({ tasks: [{ task: "single", locked: 1, due: 0 }] });
    gate.resolve();
    await worker.stop();
  });

  it("has no tasks that are gone", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(killable, { n: 1 });
    await take(test);
    await test.jobsPool.query("delete from graphile_worker._private_jobs");
    await makeDue(test.jobsPool);

    await take(test);

    expect(await sampleOf(test)).toMatchObject({ tasks: [] });
  });

  it("says so if there was no time to count everything, and then has the first ten thousand", async () => {
    await using test = await createTestJobs();
    await addJobs(test.jobsPool, 12_000);
    const holder = await test.jobsPool.connect();
    // So that the count of everything waits, and that of the first rows, half a second later, does not.
    await holder.query("begin; lock table graphile_worker._private_jobs");
    const sampling = take(test);
    await expect.poll(() => waitingCount(test.jobsPool, "with part as"), { timeout: 5_000 }).toBe(1);
    await expect.poll(() => waitingCount(test.jobsPool, "limit 10000"), { timeout: 10_000 }).toBe(1);
    await holder.query("commit");
    holder.release();

    await sampling;

    expect(await sampleOf(test)).toMatchObject({ isCapped: true, tasks: [{ due: 10_000 }] });
  });

  it("of 200,000 jobs counts each of them within its two seconds", { timeout: 120_000 }, async ({ annotate }) => {
    await using test = await createTestJobs();
    await addJobs(test.jobsPool, 200_000);
    const beganAt = performance.now();

    await take(test);

    await annotate(`${Math.round(performance.now() - beganAt)} ms`);
    expect(await sampleOf(test)).toMatchObject({ isCapped: false, tasks: [{ task: "killable", due: 200_000 }] });
  });
});

describe("samplers", () => {
  it("take one sample together, however many there are", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(killable, { n: 1 });
    const samplers = Array.from({ length: 8 }, () => {
      const pool = new Pool({ connectionString: test.jobsUrl });
      return { pool, statements: recordStatements(pool) };
    });

    await Promise.all(samplers.map(({ pool }) => takeSampleIfDue({ pool, logger: collectInto([]) })));

    const counts = samplers.flatMap(({ statements }) => statements.filter(({ text }) => text.includes("with part as")));
    expect(counts).toHaveLength(1);
    await Promise.all(samplers.map(({ pool }) => pool.end()));
    expect(await sampleOf(test)).toMatchObject({ tasks: [{ task: "killable", due: 1 }] });
  });

  it("rest for fifteen seconds, and after a slow sample for a hundred times as long as it took", () => {
    expect([10, 150, 400, 1_000_000].map((ms) => restAfterSample(ms))).toEqual([15_000, 15_000, 40_000, 1_200_000]);
  });

  it("write down when the next sample is due, so that all rest together", async () => {
    await using test = await createTestJobs();
    await take(test);
    const [first] = await samplerRows(test.jobsPool);

    await take(test);

    expect(await samplerRows(test.jobsPool)).toEqual([first]);
    // Longer where the sample took its time, as on a busy machine.
    const { rest, fresh } = first!;
    expect(rest).toBeGreaterThanOrEqual(15);
    expect(Math.abs(fresh - 2 * rest)).toBeLessThanOrEqual(1);
  });

  it("go on after one that was killed in the middle of a sample", { timeout: 60_000 }, async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(killable, { n: 1 });
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_jobs");
    await using killed = runChild(new URL("../children/sampler.child.ts", import.meta.url), {
      env: { JOBS_URL: test.jobsUrl, LEAST_REST_MS: "1000" },
    });
    await expect.poll(() => waitingCount(test.jobsPool, "with part as"), { timeout: 20_000 }).toBe(1);
    await killed.kill("SIGKILL");
    await holder.query("commit");
    holder.release();
    expect(await sampleOf(test)).toBeUndefined();

    await expect
      .poll(
        async () => {
          await take(test);
          return sampleOf(test);
        },
        { timeout: 10_000 },
      )
      .toMatchObject({ tasks: [{ due: 1 }] });
  });

  it("write nothing if another has taken a sample while they were held up", { timeout: 30_000 }, async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(killable, { n: 1 });
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_jobs");
    const heldUp = take(test);
    await expect.poll(() => waitingCount(test.jobsPool, "with part as")).toBe(1);
    await makeDue(test.jobsPool);
    await test.jobsPool.query(
      "update acme_jobs.sampler set due_at = clock_timestamp() + interval '15 seconds', sampled_at = clock_timestamp(), fresh_until = 'infinity'",
    );
    const before = await samplerRows(test.jobsPool);
    await holder.query("commit");
    holder.release();

    await heldUp;

    expect(await samplerRows(test.jobsPool)).toEqual(before);
    expect(await sampleOf(test)).toMatchObject({ tasks: [] });
  });

  it("do not wait for a time that the clock of the server has made absurd", async () => {
    await using test = await createTestJobs();
    await take(test);
    await test.jobsPool.query(
      "update acme_jobs.sampler set due_at = 'infinity', sampled_at = now() + interval '1 year', fresh_until = now() + interval '1 year'",
    );
    expect(await sampleOf(test)).toBeUndefined();

    await take(test);

    expect(await sampleOf(test)).toMatchObject({ isCapped: false });
  });
});

describe("a sample that cannot be taken", () => {
  it("because the jobs are locked ends in its limits, and the next one is put off for a hundred times as long", async () => {
    await using test = await createTestJobs();
    const log: LogLine[] = [];
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_jobs");
    const beganAt = performance.now();

    await takeSampleIfDue({ pool: test.jobsPool, logger: collectInto(log) });

    expect(performance.now() - beganAt).toBeLessThan(9_000);
    await holder.query("rollback");
    holder.release();
    const { rows } = await test.jobsPool.query<{ rest: number }>(
      "select extract(epoch from due_at - clock_timestamp())::int as rest from acme_jobs.sampler",
    );
    expect(rows[0]?.rest).toBeGreaterThan(350);
    expect(log.map(({ level }) => level)).toEqual(["debug"]);
    // The backends do not go on waiting.
    await expect.poll(() => waitingCount(test.jobsPool, "with part as")).toBe(0);
  });

  it("because the network has gone silent ends within seconds", { timeout: 30_000 }, async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    const pool = new Pool({ connectionString: proxy.url, connectionTimeoutMillis: 2_000 });
    pool.on("error", () => undefined);
    onTestFinished(() => void pool.end());
    await pool.query("select");
    proxy.goSilent();
    const beganAt = performance.now();

    await takeSampleIfDue({ pool, logger: collectInto([]) });

    expect(performance.now() - beganAt).toBeLessThan(9_000);
    proxy.cutAll();
  });

  it("because its tables are missing, or belong to another user, is a line for debugging", async () => {
    await using test = await createTestJobs();
    const log: LogLine[] = [];
    await test.jobsPool.query("drop table acme_jobs.samples");
    await takeSampleIfDue({ pool: test.jobsPool, logger: collectInto(log) });
    await test.jobsPool.query("drop table acme_jobs.sampler");

    await takeSampleIfDue({ pool: test.jobsPool, logger: collectInto(log) });

    expect(log.map(({ level, fields }) => [level, (fields["err"] as { code: string }).code])).toEqual([
      ["debug", "42P01"],
      ["debug", "42P01"],
    ]);
  });
});

describe("a crash of the server", () => {
  it("empties the tables of statistics, and the next sample fills them again", { timeout: 60_000 }, async () => {
    await using server = await startServer();
    await using jobs = createJobs({ connection: server.url(), logger: collectInto([]) });
    await jobs.migrate();
    await jobs.enqueue(killable, { n: 1 });
    const pool = new Pool({ connectionString: server.url() });
    pool.on("error", () => undefined);
    onTestFinished(() => pool.end());
    await takeSampleIfDue({ pool, logger: collectInto([]) });
    expect(await readSample(pool)).toMatchObject({ tasks: [{ due: 1 }] });

    await server.kill();
    await server.start();
    expect(await readSample(pool)).toBeUndefined();
    await takeSampleIfDue({ pool, logger: collectInto([]) });

    expect(await readSample(pool)).toMatchObject({ tasks: [{ task: "killable", due: 1 }] });
  });
});

describe("a worker", () => {
  it("takes a sample when it starts", async () => {
    await using test = await createTestJobs();
    await using worker = await test.jobs.startWorker({ tasks: [perform(killable, () => undefined)] });

    await expect.poll(() => sampleOf(test)).toMatchObject({ tasks: [] });

    expect(worker.state).toBe("running");
  });
});

function take({ jobsPool }: TestJobs): Promise<void> {
  return takeSampleIfDue({ pool: jobsPool, logger: collectInto([]) });
}

const sampleOf = ({ jobsPool }: TestJobs) => readSample(jobsPool);

async function makeDue(pool: Pool): Promise<void> {
  await pool.query("update acme_jobs.sampler set due_at = clock_timestamp()");
}

async function samplerRows(pool: Pool) {
  const { rows } = await pool.query(
    `select due_at::text, sampled_at::text, extract(epoch from due_at - sampled_at)::int as rest,
       case when isfinite(fresh_until) then extract(epoch from fresh_until - sampled_at)::int end as fresh
     from acme_jobs.sampler`,
  );
  return rows as { readonly rest: number; readonly fresh: number }[];
}

async function addJobs(pool: Pool, count: number): Promise<void> {
  await pool.query(
    `select count(*) from graphile_worker.add_jobs(array(
       select row('killable', '{}', null, null, null, null, null, null)::graphile_worker.job_spec from generate_series(1, $1)
     ))`,
    [count],
  );
  await pool.query("analyze");
}

async function addDeadLetters(pool: Pool, task: string, count: number): Promise<void> {
  await pool.query(
    `insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at)
     select n, $1, '{}', 0, 'x', 1, '[]', now() from generate_series(1, $2) as n`,
    [task, count],
  );
}

async function waitingCount(pool: Pool, text: string): Promise<number> {
  const { rowCount } = await pool.query(
    `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and strpos(query, $1) > 0`,
    [text],
  );
  return rowCount ?? 0;
}

async function lockedCount({ jobsPool }: TestJobs): Promise<number> {
  const { rowCount } = await jobsPool.query("select from graphile_worker.jobs where locked_at is not null");
  return rowCount ?? 0;
}
