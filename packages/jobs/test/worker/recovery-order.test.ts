import { expect, it } from "vitest";
import { z } from "zod";
import { noteFailures } from "../../src/graphile/failure-notes.ts";
import { settleFailures } from "../../src/graphile/settle-failures.ts";
import { defineTask } from "../../src/index.ts";
import type { Outcome } from "../../src/task/outcome.ts";
import { createSettlement } from "../../src/worker/settlement.ts";
import { beginTransaction } from "../../src/database/transaction.ts";
import { recoverDeadWorker } from "../../src/worker/recover-dead-workers.ts";
import { collectInto, createTestJobs, storedJobs } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const dead: Outcome = { kind: "dead", attemptsUsed: 2 };

it("the end of a job stands that a worker has written while it was considered dead", async () => {
  await using test = await createTestJobs();
  await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
  const idempotencyKey = await test.jobs.enqueue(task, { n: 2 });
  await test.jobsPool.query("insert into acme_jobs.workers (pool_id, heartbeat_at) values ('P', '-infinity')");
  const { rows } = await test.jobsPool.query<{ id: string; key: string | null }>(
    "update graphile_worker._private_jobs set attempts = 2, locked_by = 'P', locked_at = now() returning id::text, key",
  );
  const jobId = rows.find(({ key }) => key === null)!.id;
  // Holds the row of the keyed one, for which the recovery waits.
  const holder = await test.jobsPool.connect();
  await holder.query("begin");
  await test.jobs.enqueue(task, { n: 3 }, { key: "k", tx: holder });
  const transaction = await beginTransaction(test.jobsPool);
  const recovering = recoverDeadWorker(transaction, { ownPoolIds: [], deadAfterMs: undefined, unchanged: [] }, "P");
  const waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
  await expect.poll(async () => (await test.jobsPool.query(waits)).rowCount).toBe(1);

  const failed = { jobId, idempotencyKey, task: "t", lockCount: 2, attempt: 2, outcome: dead, error: new Error("own") };
  await noteFailures(test.jobsPool, [failed]);
  await test.jobsPool.query(
    "update graphile_worker._private_jobs set locked_by = null, locked_at = null where id = $1 and locked_by = 'P'",
    [jobId],
  );
  await holder.query("commit");
  holder.release();
  await recovering;
  await transaction.commit();
  await settleFailures(test.jobsPool, [jobId]);

  expect(await test.jobs.deadLetters.list()).toMatchObject([{ payload: { n: 2 }, reason: "own" }]);
});

it("a failed job whose row is locked is settled when the lock is gone, and before a stop has ended", async () => {
  await using test = await createTestJobs();
  const idempotencyKey = await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
  const { rows } = await test.jobsPool.query<{ id: string }>(
    "update graphile_worker._private_jobs set attempts = 2 returning id::text",
  );
  const jobId = rows[0]!.id;
  const failed = { jobId, idempotencyKey, task: "t", lockCount: 2, attempt: 2, outcome: dead, error: new Error("own") };
  await noteFailures(test.jobsPool, [failed]);
  const holder = await test.jobsPool.connect();
  await holder.query("begin; select from graphile_worker._private_jobs for update");
  const settlement = createSettlement({
    pool: test.jobsPool,
    logger: collectInto([]),
    onRescheduled: () => undefined,
    onNoted: () => undefined,
    giveUp: new AbortController().signal,
  });

  settlement.forPool().onReleased({ how: "failed", jobs: [{ id: jobId, attempts: 2, job_queue_id: null }] });
  let isDrained = false;
  const drained = settlement.drain().then(() => (isDrained = true));
  // Tried, and asked what is left.
  const asked =
    "select 1 from pg_stat_activity where query ~ 'from acme_jobs.failures as note' and pid <> pg_backend_pid()";
  await expect.poll(async () => (await test.jobsPool.query(asked)).rowCount, { interval: 5 }).toBeGreaterThan(0);
  expect(isDrained).toBe(false);
  await holder.query("rollback");
  holder.release();
  await drained;

  expect(await storedJobs(test.jobsPool)).toEqual([]);
  expect(await test.jobs.deadLetters.list()).toMatchObject([{ payload: { n: 1 }, reason: "own" }]);
});
