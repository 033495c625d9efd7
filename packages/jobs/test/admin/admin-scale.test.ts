import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createJobs, type DeadLetterFilter, type JobFilter, type Jobs } from "../../src/index.ts";
import { lookForJobs } from "../../src/cli/look-for-jobs.ts";
import { takeSampleIfDue } from "../../src/statistics/sampler.ts";
import { collectInto, createTestJobs, type TestJobs } from "../support/test-jobs.ts";

/** A million by hand: `ADMIN_JOBS=1000000 vitest run test/admin/admin-scale.test.ts`. */
const jobCount = Number(process.env["ADMIN_JOBS"] ?? 200_000);
const noteCount = jobCount / 50;
const letterCount = 60_000;
const outboxRows = 10_000;
/** Of which a page of jobs looks at no more. */
const windowRows = 50_000;
/** Rows that do not depend on how many jobs there are: tasks, queues, workers. */
const fewRows = 2_000;
/** A page of a hundred, the one behind it, and what an index begins with. */
const fewLetters = 110;
/** A page looks at its window, perhaps once more for its end, and at the notes of the jobs. */
const pageRows = 2 * windowRows + noteCount + fewRows;

const [now, longAgo, future] = [new Date(), new Date(0), new Date(Date.now() + 86_400_000)];

describe(
  `${jobCount.toLocaleString("en")} jobs and ${letterCount.toLocaleString("en")} dead letters`,
  { timeout: 120_000 },
  () => {
    let test: TestJobs;
    let ids: Ids;
    beforeAll(async () => {
      test = await createTestJobs({ outbox: true });
      await fill(test);
      ids = await readIds(test);
    }, 120_000);
    afterAll(() => test[Symbol.asyncDispose]());

    it.each<[string, JobFilter]>([
      ["no filter", {}],
      ["a task that only the last job has", { task: "rare" }],
      ["a task that none has", { task: "none" }],
      ["a state that no job has", { state: "failed" }],
      ["no attempt that has failed", { hasFailed: false }],
      ["an attempt that has failed, of a queue that no job has", { hasFailed: true, queue: "none" }],
      ["a queue that no job has", { queue: "none" }],
      ["an error that no job has", { error: "none" }],
      ["a time before all", { enqueuedBefore: longAgo }],
      ["a time after all", { enqueuedAfter: future }],
      ["a task and an error that no job has", { task: "rare", error: "none" }],
      ["a state and a queue that no job has", { state: "scheduled", queue: "none" }],
    ])("a page of jobs with %s looks at its window", async (_, filter) => {
      const { rows } = await rowsRead(test, ({ admin }) => admin.list(filter));

      expect(rows).toBeLessThanOrEqual(pageRows);
    });

    it.each<[string, JobFilter, number]>([
      ["the last job", { key: "task:last" }, 1],
      ["no job", { key: "none" }, 0],
      ["the last job, which no attempt has failed", { key: "task:last", hasFailed: true }, 0],
      ["the last job, which is of another task", { key: "task:last", task: "none" }, 0],
    ])("a job is found by its key without looking at others: %s", async (_, filter, count) => {
      const { result, rows } = await rowsRead(test, ({ admin }) => admin.list(filter));

      expect(result).toEqual({ jobs: expect.any(Array), next: undefined });
      expect(result.jobs).toHaveLength(count);
      expect(rows).toBeLessThanOrEqual(20);
    });

    it("all pages together look at each job as often as one does", async () => {
      let pages = 0;
      const { rows } = await rowsRead(test, async ({ admin }) => {
        let after: string | undefined;
        do {
          const page = await admin.list({ task: "none", ...(after !== undefined && { after }) });
          after = page.next;
          pages++;
        } while (after !== undefined);
      });

      expect(pages).toBeLessThanOrEqual(jobCount / windowRows + 1);
      expect(rows).toBeLessThanOrEqual(2 * jobCount + noteCount + pages * fewRows);
    });

    it("the command looks no further when its time is over, and says from where to go on", async () => {
      const { result, rows } = await rowsRead(test, ({ admin }) => lookForJobs(admin, { task: "none" }, 0));
      const rest = await rowsRead(test, ({ admin }) =>
        lookForJobs(admin, { task: "rare", after: result.next! }, 60_000),
      );

      expect(result).toEqual({ jobs: [], next: String(windowRows + 2) });
      expect(rows).toBeLessThanOrEqual(pageRows);
      expect(rest.result).toMatchObject({ jobs: [{ task: "rare" }], next: undefined });
    });

    it("a job is found by an index, if its number is known, or a note, or if it is elsewhere", async () => {
      for (const id of [ids.jobId, ids.noted, ids.letter, ids.outbox]) {
        const { result, rows } = await rowsRead(test, ({ admin }) => admin.get(id));

        expect(result).toBeDefined();
        expect(rows).toBeLessThanOrEqual(50);
      }
    });

    it("all jobs are looked at once for an id that is nowhere, and for what is counted while no worker lives", async () => {
      const once = jobCount + letterCount + fewRows;
      const missing = "0199f2c1-7d2e-7c44-9a51-3b0d6f4eac5e";

      expect((await rowsRead(test, ({ admin }) => admin.get(missing))).rows).toBeLessThanOrEqual(once);
      expect((await rowsRead(test, ({ admin }) => admin.overview())).rows).toBeLessThanOrEqual(once + outboxRows);
      expect((await rowsRead(test, ({ admin }) => admin.tasks())).rows).toBeLessThanOrEqual(once);
      expect((await rowsRead(test, ({ admin }) => admin.workers())).rows).toBeLessThanOrEqual(once);
      expect((await rowsRead(test, ({ admin }) => admin.queues())).rows).toBeLessThanOrEqual(once);
    });

    it("no job is looked at for the overview while samples are taken, nor for tasks, living workers or the doctor", async () => {
      const taken = await rowsRead(test, async (_, pool) => takeSampleIfDue({ pool, logger: collectInto([]) }));
      const overview = await rowsRead(test, ({ admin }) => admin.overview());
      const tasks = await rowsRead(test, ({ admin }) => admin.tasks());
      const workers = await rowsRead(test, ({ admin }) => admin.workers({ countLocked: false }));
      const doctor = await rowsRead(test, ({ admin }) => admin.doctor());

      expect(overview.result).toMatchObject({ sampledAt: expect.any(Date), isCapped: false, dead: letterCount });
      expect(taken.rows).toBeLessThanOrEqual(jobCount + letterCount + fewRows);
      expect(overview.rows).toBeLessThanOrEqual(outboxRows + 100);
      expect(tasks.rows).toBeLessThanOrEqual(100);
      expect(workers.rows).toBeLessThanOrEqual(10);
      expect(doctor.rows).toBeLessThanOrEqual(outboxRows + noteCount + fewRows);
    });

    it("of very many jobs that no worker samples, the first are counted", async () => {
      await test.jobsPool.query("truncate acme_jobs.sampler");
      await using afterwards = new AsyncDisposableStack();
      afterwards.defer(() => tellSize(test.jobsPool, jobCount));
      await tellSize(test.jobsPool, 1_000_000);

      const { result, rows } = await rowsRead(test, ({ admin }) => admin.overview());

      expect(result).toMatchObject({ sampledAt: undefined, isCapped: true, dead: 10_000 });
      expect(rows).toBeLessThanOrEqual(2 * 10_000 + outboxRows + fewRows);
    });

    it("a page of the outbox looks at what waits once, and at its own rows", async () => {
      const { rows } = await rowsRead(test, ({ admin }) => admin.outbox());

      expect(rows).toBeLessThanOrEqual(outboxRows + 200);
    });

    it.each<[string, DeadLetterFilter, number]>([
      ["no filter", {}, fewLetters],
      ["a task", { task: "task" }, fewLetters],
      ["a task that only the oldest has", { task: "rare" }, fewLetters],
      ["a task that none has", { task: "none" }, fewLetters],
      ["a time before all", { until: longAgo }, fewLetters],
      ["a time after all", { since: future }, fewLetters],
      ["a time that all fit", { until: now }, fewLetters],
      ["an error that all have", { error: "BROKEN" }, fewLetters],
      ["an error that none has", { error: "none" }, letterCount],
      ["a task that only the oldest has, and an error that it has not", { task: "rare", error: "none" }, fewLetters],
    ])("a page of dead letters with %s is read by its index", async (_, filter, most) => {
      const { rows } = await rowsRead(test, ({ deadLetters }) => deadLetters.list(filter));

      expect(rows).toBeLessThanOrEqual(most);
    });

    it("dead letters are counted to 10,000, and grouped to 50,000", async () => {
      const count = await rowsRead(test, ({ deadLetters }) => deadLetters.count());
      const groups = await rowsRead(test, ({ deadLetters }) => deadLetters.groups());

      expect(count).toMatchObject({ result: { count: 10_000, isCapped: true } });
      expect(groups.result.isCapped).toBe(true);
      expect(count.rows).toBeLessThanOrEqual(10_001);
      // By the time at which they died: of a table that is not vacuumed, PostgreSQL may rather sort all.
      expect(groups.rows).toBeLessThanOrEqual(letterCount + 100);
    });
  },
);

interface Ids {
  readonly jobId: string;
  readonly noted: string;
  readonly letter: string;
  readonly outbox: string;
}

async function fill({ jobsPool, dataPool }: TestJobs): Promise<void> {
  await jobsPool.query("select graphile_worker.add_job('task'), graphile_worker.add_job('rare', queue_name := 'q')");
  await jobsPool.query("select graphile_worker.complete_jobs(array[1, 2])");
  // One statement of a second: the public functions would take a minute.
  await jobsPool.query(
    `insert into graphile_worker._private_jobs (task_id, payload, max_attempts, flags, run_at, key, job_queue_id)
     select (select id from graphile_worker._private_tasks where identifier = case when n = $1 then 'rare' else 'task' end), '{}', 32767,
       jsonb_build_object('acme:id:' || gen_random_uuid(), true), now() + (n % 10 - 6) * interval '1 hour',
       case when n = $1 then 'task:last' when n % 10 = 1 then 'task:' || n end,
       case when n % 20 = 3 then (select min(id) from graphile_worker._private_job_queues) end
     from generate_series(1, $1::int) as n`,
    [jobCount],
  );
  await jobsPool.query(
    `insert into acme_jobs.failures
       (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, is_settled, errors)
     select id, substr((select flag from jsonb_object_keys(flags) as flag), 9), 'task', 1, 'retry', 'broken', run_at, 1, true,
       jsonb_build_array(jsonb_build_object('attempt', 1, 'at', now(), 'name', 'Error', 'message', 'broken'))
     from graphile_worker.jobs where id % 50 = 7`,
  );
  await jobsPool.query(
    `insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at, died_at)
     select gen_random_uuid(), case when n = 1 then 'rare' else 'task' end, '{}', 0, 'broken ' || n, 1,
       '[{"attempt": 1, "name": "Error", "message": "broken"}]', now(), now() - interval '1 day' + n * interval '1 ms'
     from generate_series(1, $1::int) as n`,
    [letterCount],
  );
  await dataPool.query(
    `insert into acme_jobs.outbox (id, task, payload, preserve_run_at)
     select gen_random_uuid(), 'task', '{}', false from generate_series(1, $1::int)`,
    [outboxRows],
  );
  await jobsPool.query(
    "vacuum analyze graphile_worker._private_jobs, graphile_worker._private_tasks, acme_jobs.failures, acme_jobs.dead_letters",
  );
  await dataPool.query("vacuum analyze acme_jobs.outbox");
}

/** What the server says about the size of the table, as after `analyze`. */
async function tellSize(pool: Pool, rows: number): Promise<void> {
  await pool.query("update pg_class set reltuples = $1 where oid = 'graphile_worker._private_jobs'::regclass", [rows]);
}

async function readIds({ jobsPool, dataPool }: TestJobs): Promise<Ids> {
  const { rows } = await jobsPool.query(
    `select (select max(id)::text from graphile_worker.jobs) as "jobId",
       (select idempotency_key from acme_jobs.failures order by job_id desc limit 1) as noted,
       (select id from acme_jobs.dead_letters limit 1) as letter`,
  );
  const { rows: outbox } = await dataPool.query("select id from acme_jobs.outbox limit 1");
  return { ...rows[0], outbox: outbox[0].id };
}

/**
 * How many rows of the tables a call reads, whatever statements and connections it takes: no measure of time, so that a busy
 * machine changes nothing. A backend has reported what it has read once it is gone.
 */
async function rowsRead<Result>(
  { jobsPool, jobsUrl, dataPool, dataUrl }: TestJobs,
  call: (jobs: Jobs, pool: Pool) => Promise<Result>,
): Promise<{ readonly result: Result; readonly rows: number }> {
  const connections = [jobsPool, dataPool];
  const before = await totalOf(connections);
  const result = await askOnce(jobsUrl, dataUrl, call);
  return { result, rows: (await totalOf(connections)) - before };
}

/** Over connections that are closed then. */
async function askOnce<Result>(
  jobsUrl: string,
  dataUrl: string,
  call: (jobs: Jobs, pool: Pool) => Promise<Result>,
): Promise<Result> {
  const pool = new Pool({ connectionString: jobsUrl, connectionTimeoutMillis: 10_000 });
  await using closing = new AsyncDisposableStack();
  closing.defer(() => pool.end());
  const jobs = closing.use(createJobs({ connection: pool, outbox: { connection: dataUrl }, logger: collectInto([]) }));
  return await call(jobs, pool);
}

async function totalOf(pools: readonly Pool[]): Promise<number> {
  let total = 0;
  for (const pool of pools) {
    await expect.poll(() => otherSessions(pool), { timeout: 10_000 }).toBe(0);
    const { rows } = await pool.query(
      `select pg_stat_force_next_flush(), pg_stat_clear_snapshot(), (
         select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::float8 from pg_stat_user_tables
       ) as count`,
    );
    total += rows[0].count as number;
  }
  return total;
}

/** Of the same database; without the workers of autovacuum, which come and go. */
async function otherSessions(pool: Pool): Promise<number> {
  const { rows } = await pool.query(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and backend_type in ('client backend', 'parallel worker')`,
  );
  return rows[0].count;
}
