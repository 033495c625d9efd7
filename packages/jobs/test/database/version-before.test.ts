import { createTestDatabase } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { killable, single } from "../support/killable-task.ts";
import { createTablesBefore } from "../support/tables-before.ts";
import { collectInto, type LogLine } from "../support/test-jobs.ts";
import { readOverview } from "../../src/admin/overview.ts";
import { readTaskStatistics } from "../../src/admin/task-statistics.ts";
import { listWorkers } from "../../src/admin/worker-list.ts";
import { createJobs, perform } from "../../src/index.ts";

const quick = { heartbeatMs: 100, deadAfterMs: 500 };

describe("tables of the version before, in use while they are migrated", () => {
  it("keep their jobs, failures and dead letters, and a worker of that version goes on beside the new one", async () => {
    await using database = await createTestDatabase();
    const pool = await openTablesBefore(database.url);
    await fill(pool);
    await using old = await startOldWorker(database.url, pool);
    await old.hasBeaten();

    await using jobs = createJobs({ connection: database.url, logger: collectInto([]) });
    await jobs.migrate();
    await old.hasBeaten();

    expect(await listWorkers(pool)).toMatchObject([
      { poolId: "pool-old", isAlive: true, about: undefined, running: undefined, lockedCount: 1 },
    ]);
    expect(await jobs.deadLetters.list()).toMatchObject([
      { id: "letter", errors: [{ attempt: 1, name: "Error", message: "x" }] },
    ]);
    // No worker has taken a sample yet.
    expect(await readOverview({ jobs: pool })).toMatchObject({
      sampledAt: undefined,
      due: 2,
      locked: 1,
      dead: 1,
      workersAlive: 1,
    });
    expect((await readTaskStatistics(pool)).map(({ task }) => task)).toEqual(["killable", "single"]);
  });

  it("are worked off by a new worker, which leaves the old one what it has locked and does not consider it dead", async () => {
    await using database = await createTestDatabase();
    const pool = await openTablesBefore(database.url);
    await fill(pool);
    await using old = await startOldWorker(database.url, pool);
    const log: LogLine[] = [];
    await using jobs = createJobs({ connection: database.url, logger: collectInto(log) });
    const attempts: (readonly [n: number, attempt: number])[] = [];
    const run = ({ n }: { readonly n: number }, { attempt }: { readonly attempt: number }) => {
      attempts.push([n, attempt]);
      if (n === 2) throw new Error("once more");
    };

    await jobs.startWorker({ tasks: [perform(killable, run), perform(single, run)], ...quick });
    await expect.poll(() => attempts.filter(([n]) => n !== 2)).toEqual([[1, 1]]);
    // Its first attempt was one of the version before.
    await expect.poll(() => attempts.filter(([n]) => n === 2)).toEqual([2, 3].map((attempt) => [2, attempt]));
    await expect.poll(async () => (await jobs.deadLetters.list()).length).toBe(2);
    for (let beat = 0; beat < 10; beat += 1) await old.hasBeaten();

    expect(await listWorkers(pool)).toMatchObject([
      { poolId: "pool-old", isAlive: true, about: undefined, lockedCount: 1 },
      { isAlive: true, about: { pid: process.pid, tasks: ["killable", "single"] }, running: 0, lockedCount: 0 },
    ]);
    const [died] = await jobs.deadLetters.list();
    expect(died?.errors).toMatchObject([
      { attempt: 1, message: "x" },
      { attempt: 2, message: "once more", durationMs: expect.any(Number), stack: expect.any(String) },
      { attempt: 3, message: "once more", durationMs: expect.any(Number), stack: expect.any(String) },
    ]);
    expect(log.filter(({ message }) => message.includes("dead worker"))).toEqual([]);
  });

  it("take the note of an old worker about a job that a new one has failed before", async () => {
    await using database = await createTestDatabase();
    const pool = await openTablesBefore(database.url);
    await using jobs = createJobs({ connection: database.url, logger: collectInto([]) });
    await jobs.migrate();
    await pool.query(
      noteSqlBefore("jsonb_build_array(jsonb_build_object('attempt', 1, 'stack', 'at x', 'durationMs', 5))"),
    );

    await pool.query(noteSqlBefore("jsonb_build_array(jsonb_build_object('attempt', 2, 'message', 'y'))"));

    const { rows } = await pool.query("select errors from acme_jobs.failures");
    expect(rows).toEqual([
      {
        errors: [
          { attempt: 1, stack: "at x", durationMs: 5 },
          { attempt: 2, message: "y" },
        ],
      },
    ]);
  });
});

async function openTablesBefore(url: string): Promise<Pool> {
  const pool = new Pool({ connectionString: url });
  pool.on("error", () => undefined);
  onTestFinished(() => pool.end());
  await createTablesBefore(pool);
  return pool;
}

/** A job that is due, one that has failed once, one that the old worker has locked, and a dead letter. */
async function fill(pool: Pool): Promise<void> {
  await pool.query(`
    select graphile_worker.add_job('single', '{"n":1}', flags := array['acme:id:one']);
    select graphile_worker.add_job('killable', '{"n":2}', flags := array['acme:id:two']);
    select graphile_worker.add_job('killable', '{"n":3}', flags := array['acme:id:three']);
    update graphile_worker._private_jobs set max_attempts = 32767;
    update graphile_worker._private_jobs set attempts = 1 where flags ? 'acme:id:two';
    update graphile_worker._private_jobs set attempts = 1, locked_at = now(), locked_by = 'pool-old'
      where flags ? 'acme:id:three';
    insert into acme_jobs.failures
      (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, is_settled, errors)
    select id, 'two', 'killable', 1, 'retry', 'x', now(), 1, true, '[{"attempt":1,"at":"2026-01-01","name":"Error","message":"x"}]'
    from graphile_worker._private_jobs where flags ? 'acme:id:two';
    insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at)
    values ('letter', 'killable', '{"n":4}', 0, 'x', 1, '[{"attempt":1,"at":"2026-01-01","name":"Error","message":"x"}]', now());
    insert into acme_jobs.tasks (name) values ('killable'), ('single')`);
}

/** Holds its lock and sends the heartbeats of the version before. */
async function startOldWorker(url: string, pool: Pool) {
  const session = new Pool({ connectionString: url, max: 1 });
  session.on("error", () => undefined);
  await session.query("select pg_advisory_lock(hashtextextended('acme_jobs:worker:pool-old', 0))");
  const beat = () =>
    session.query(
      `insert into acme_jobs.workers (pool_id) values ($1)
       on conflict (pool_id) do update set heartbeat_at = clock_timestamp()
       returning (select id::text from acme_jobs.installation) as installation_id`,
      ["pool-old"],
    );
  await beat();
  const beating = setInterval(() => void beat().catch(() => undefined), 50);
  const lastBeat = async () => {
    const { rows } = await pool.query("select heartbeat_at::text from acme_jobs.workers where pool_id = 'pool-old'");
    return rows;
  };
  return {
    async hasBeaten() {
      const before = await lastBeat();
      await expect.poll(lastBeat).not.toEqual(before);
    },
    async [Symbol.asyncDispose]() {
      clearInterval(beating);
      await session.end();
    },
  };
}

/** The columns and the update of a note as the version before writes it. */
function noteSqlBefore(errors: string): string {
  return `insert into acme_jobs.failures as note
      (job_id, idempotency_key, task, attempt, outcome, reason, run_at, next_attempts, errors, uncounted)
    values (1, 'one', 'killable', 1, 'retry', 'x', now(), 1, ${errors}, 0)
    on conflict (job_id) do update set errors = note.errors || excluded.errors`;
}
