import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTask, perform } from "../../src/index.ts";
import { takeSampleIfDue } from "../../src/statistics/sampler.ts";
import { codesOf, examine, findingOf } from "../support/examine.ts";
import { collectInto, createTestJobs, type TestJobs } from "../support/test-jobs.ts";

const task = defineTask("receipt", { payload: z.object({ n: z.number() }) });

/** As a worker leaves it that dies with a job in its hands. */
async function leaveLocked(test: TestJobs, { poolId = "dead-pool", age = "2 minutes" } = {}): Promise<void> {
  await test.jobsPool.query(
    `update graphile_worker._private_jobs set locked_by = $1, locked_at = now() - $2::interval, attempts = 1 where locked_by is null`,
    [poolId, age],
  );
}

const registerDead = (test: TestJobs, poolId = "dead-pool") =>
  test.jobsPool.query(
    "insert into acme_jobs.workers (pool_id, heartbeat_at) values ($1, now() - interval '2 minutes')",
    [poolId],
  );

const takeSample = ({ jobsPool }: TestJobs) => takeSampleIfDue({ pool: jobsPool, logger: collectInto([]) });

const lockedCount = async (test: TestJobs) => {
  const { rows } = await test.jobsPool.query<{ count: number }>(
    "select count(*)::int as count from graphile_worker.jobs where locked_at is not null",
  );
  return rows[0]?.count;
};

describe("locks of a dead worker", () => {
  it("are found, and freed by fix, with the attempt unused", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }]);
    await leaveLocked(test);
    await registerDead(test);

    const found = await examine({ jobs: test.jobsUrl });
    const lockedBefore = await lockedCount(test);
    const mended = await examine({ jobs: test.jobsUrl }, { fix: true });

    expect(codesOf(found)).toEqual(["LOCKS_OF_DEAD_WORKERS"]);
    expect(findingOf(found, "LOCKS_OF_DEAD_WORKERS")).toMatchObject({
      severity: "error",
      what: "1 dead worker holds the locks of 2 jobs, the oldest for 2 min.",
      command: "acme-jobs doctor --fix",
      isFixable: true,
    });
    expect(lockedBefore).toBe(2);
    expect(codesOf(mended)).toEqual(["LOCKS_OF_DEAD_WORKERS"]);
    expect(findingOf(mended, "LOCKS_OF_DEAD_WORKERS")).toMatchObject({ isMended: true, severity: "warning" });
    expect(findingOf(mended, "LOCKS_OF_DEAD_WORKERS")?.what).toMatch(/Mended\.$/);
    expect(await lockedCount(test)).toBe(0);
    expect(codesOf(await examine({ jobs: test.jobsUrl }))).toEqual([]);
  });

  it("are left alone if the worker lives and its lock is held, however old its heartbeat is", async () => {
    await using test = await createTestJobs();
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    await test.jobs.enqueue(task, { n: 1 });
    const work = () => {
      begun.resolve();
      return end.promise;
    };
    // So rarely that the heartbeat is old while the worker lives.
    await test.jobs.startWorker({ tasks: [perform(task, work)], heartbeatMs: 600_000, deadAfterMs: 1_200_000 });
    await begun.promise;
    await test.jobsPool.query("update acme_jobs.workers set heartbeat_at = now() - interval '1 hour'");

    const mended = await examine({ jobs: test.jobsUrl }, { fix: true });
    const locked = await lockedCount(test);
    end.resolve();

    expect(codesOf(mended)).toEqual([]);
    expect(locked).toBe(1);
  });

  it("are left alone by fix if the worker connects again while it watches", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 });
    await leaveLocked(test);
    await registerDead(test);

    const mending = examine({ jobs: test.jobsUrl, watchMs: 3_000 }, { fix: true });
    // When the doctor has read the heartbeats, it rests; its connection shows the question.
    await expect
      .poll(async () => {
        const { rows } = await test.jobsPool.query(
          "select from pg_stat_activity where query like 'select pool_id, heartbeat_at::text%' and datname = current_database()",
        );
        return rows.length;
      })
      .toBeGreaterThan(0);
    await test.jobsPool.query("update acme_jobs.workers set heartbeat_at = now()");

    expect(codesOf(await mending)).toEqual([]);
    expect(await lockedCount(test)).toBe(1);
  });

  it("are left alone while one heartbeat comes too late for the threshold, but comes", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 });
    await leaveLocked(test, { poolId: "slow-pool" });
    await test.jobsPool.query("insert into acme_jobs.workers (pool_id) values ('slow-pool')");

    expect(codesOf(await examine({ jobs: test.jobsUrl }, { fix: true }))).toEqual([]);
    expect(await lockedCount(test)).toBe(1);
  });

  it("are reported earlier if asked, and left alone by fix for a minute all the same", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 });
    await leaveLocked(test);
    await test.jobsPool.query(
      "insert into acme_jobs.workers values ('dead-pool', now(), now() - interval '20 seconds')",
    );

    const left = await examine({ jobs: test.jobsUrl }, { fix: true, thresholds: { deadWorkerMs: 1_000 } });

    expect(codesOf(left)).toEqual(["LOCKS_OF_DEAD_WORKERS"]);
    expect(findingOf(left, "LOCKS_OF_DEAD_WORKERS")?.isMended).toBeUndefined();
    expect(await lockedCount(test)).toBe(1);
  });

  it("may be those of a plain Graphile Worker: they are reported after a while, and never freed", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 });
    await leaveLocked(test, { poolId: "plain-pool", age: "15 minutes" });

    const mended = await examine({ jobs: test.jobsUrl }, { fix: true });

    expect(codesOf(mended)).toEqual(["LOCKS_OF_UNKNOWN_WORKERS"]);
    expect(findingOf(mended, "LOCKS_OF_UNKNOWN_WORKERS")?.what).toBe(
      '1 job is locked by 1 pool that no worker of this package has registered, the oldest for 15 min: "plain-pool".',
    );
    expect(await lockedCount(test)).toBe(1);
  });

  it("are found where a sample shows a pool that is not registered, and only if it still has them", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 });
    await leaveLocked(test, { poolId: "plain-pool", age: "15 minutes" });
    await takeSample(test);

    const held = await examine({ jobs: test.jobsUrl });
    await test.jobsPool.query("update graphile_worker._private_jobs set locked_by = null, locked_at = null");
    const freed = await examine({ jobs: test.jobsUrl });

    expect(codesOf(held)).toEqual(["LOCKS_OF_UNKNOWN_WORKERS"]);
    expect(codesOf(freed)).toEqual([]);
  });

  it("are found although a dead worker took them after the last sample", async () => {
    await using test = await createTestJobs();
    await takeSample(test);
    await test.jobs.enqueue(task, { n: 1 });
    await leaveLocked(test);
    await registerDead(test);

    expect(codesOf(await examine({ jobs: test.jobsUrl }))).toEqual(["LOCKS_OF_DEAD_WORKERS"]);
  });

  it("are found although a sample has counted only the first of very many jobs", async () => {
    await using test = await createTestJobs();
    await takeSample(test);
    await test.jobsPool.query("update acme_jobs.sampler set is_capped = true");
    await test.jobs.enqueue(task, { n: 1 });
    await leaveLocked(test, { poolId: "plain-pool", age: "15 minutes" });

    expect(codesOf(await examine({ jobs: test.jobsUrl }))).toEqual(["LOCKS_OF_UNKNOWN_WORKERS"]);
  });
});

describe("a named queue that no job holds", () => {
  it("is found, and freed by fix; one that a job holds is not", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 }, { queue: "left" });
    await test.jobs.enqueue(task, { n: 2 }, { queue: "held" });
    await test.jobsPool.query(
      `update graphile_worker._private_job_queues set locked_by = 'p', locked_at = now() - interval '5 minutes';
       update graphile_worker._private_jobs as job set locked_by = 'p', locked_at = now()
         from graphile_worker._private_job_queues as queue where queue.id = job_queue_id and queue_name = 'held'`,
    );

    const found = await examine({ jobs: test.jobsUrl });
    const mended = await examine({ jobs: test.jobsUrl }, { fix: true });

    expect(codesOf(found)).toEqual(["QUEUES_ORPHANED"]);
    expect(findingOf(found, "QUEUES_ORPHANED")?.what).toBe(
      '1 named queue is locked although no job holds it, the oldest for 5 min: "left".',
    );
    expect(findingOf(mended, "QUEUES_ORPHANED")?.isMended).toBe(true);
    const { rows } = await test.jobsPool.query(
      "select queue_name as name from graphile_worker._private_job_queues where locked_at is not null",
    );
    expect(rows).toEqual([{ name: "held" }]);
  });
});

describe("notes on failures of jobs that are gone", () => {
  it("are found, and removed by fix; those of jobs that are there stay", async () => {
    await using test = await createTestJobs();
    await test.jobs.enqueue(task, { n: 1 });
    await test.jobsPool.query(
      `insert into acme_jobs.failures (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, is_settled, errors, updated_at)
       select n, n::text, 't', 1, 'retry', 'r', now(), 1, true, '[]', now() - interval '2 hours'
       from (select id as n from graphile_worker.jobs union select 900 union select 901) as ids`,
    );

    const found = await examine({ jobs: test.jobsUrl });
    const mended = await examine({ jobs: test.jobsUrl }, { fix: true });

    expect(codesOf(found)).toEqual(["FAILURES_OF_GONE_JOBS"]);
    expect(findingOf(found, "FAILURES_OF_GONE_JOBS")?.what).toContain("At least 2 notes");
    expect(findingOf(mended, "FAILURES_OF_GONE_JOBS")?.isMended).toBe(true);
    const { rows } = await test.jobsPool.query("select from acme_jobs.failures");
    expect(rows).toHaveLength(1);
  });
});
