import { runChild, terminateBackends } from "@acme/test-postgres";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { createJobs, perform } from "../../src/index.ts";
import { killable } from "../support/killable-task.ts";
import { collectInto, createTestJobs } from "../support/test-jobs.ts";

const child = new URL("../children/worker.child.ts", import.meta.url);

/** Notes when each fetch began that has locked a job. */
async function noteLocks(pool: pg.Pool): Promise<void> {
  await pool.query(`
    create table locks (at timestamptz not null default now());
    create function note_lock() returns trigger language plpgsql as $$ begin insert into public.locks default values; return null; end $$;
    create trigger note_lock after update on graphile_worker._private_jobs for each row
      when (old.locked_at is null and new.locked_at is not null) execute function note_lock()`);
}

const timeOf = async (pool: pg.Pool): Promise<string> =>
  (await pool.query<{ at: string }>("select clock_timestamp()::text as at")).rows[0]!.at;

async function countLocks(pool: pg.Pool, [from, to] = ["-infinity", "infinity"]): Promise<number> {
  const sql = "select count(*)::int as count from locks where at > $1 and at < $2";
  return (await pool.query<{ count: number }>(sql, [from, to])).rows[0]!.count;
}

describe("a pause", () => {
  it("of two workers holds for every fetch that begins after it, whatever is killed", async () => {
    await using test = await createTestJobs();
    const { jobs, jobsPool } = test;
    await noteLocks(jobsPool);
    const ran = new Set<number>();
    await using doomed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await doomed.waitFor("started");
    await jobs.enqueue(killable, { n: -1 });
    await doomed.waitFor("running -1 1");
    await using others = new AsyncDisposableStack();
    for (const _ of [1, 2]) {
      const other = others.use(createJobs({ connection: test.jobsUrl, logger: collectInto([]) }));
      const tasks = [perform(killable, ({ n }) => void ran.add(n))];
      await other.startWorker({ tasks, pollIntervalMs: 20, heartbeatMs: 100, deadAfterMs: 500 });
    }
    const count = 6_000;
    const payloads = Array.from({ length: count }, (_, n) => ({ n }));
    await jobs.enqueueMany(killable, payloads);

    const paused: [string, string][] = [];
    const kill = async () => {
      await doomed.kill("SIGKILL");
      // Its job waits then, as the others do.
      await expect.poll(() => isFree(jobsPool, "-1"), { timeout: 20_000 }).toBe(true);
    };
    const faults = [kill, () => terminateBackends(test.jobsUrl), async () => undefined];
    for (const [round, fail] of faults.entries()) {
      await expect.poll(() => ran.size, { timeout: 20_000 }).toBeGreaterThan((round * count) / 10);
      await jobs.admin.pause({ task: "killable" });
      const from = await timeOf(jobsPool);
      await fail();
      await expect.poll(() => countWorkersThatAsk(jobsPool), { timeout: 20_000 }).toBeGreaterThan(1);
      paused.push([from, await timeOf(jobsPool)]);
      await jobs.admin.resume({ task: "killable" });
    }

    await expect.poll(() => ran.size, { timeout: 60_000 }).toBe(count + 1);
    for (const times of paused) expect(await countLocks(jobsPool, times)).toBe(0);
    expect(await countLocks(jobsPool)).toBeGreaterThan(count);
  });
});

/** Whether the job is there, and no worker has it. */
async function isFree(pool: pg.Pool, n: string): Promise<boolean> {
  const sql = "select from graphile_worker._private_jobs where payload ->> 'n' = $1 and locked_at is null";
  return (await pool.query(sql, [n])).rows.length > 0;
}

/** Whose last fetch of this moment was during the pause. */
async function countWorkersThatAsk(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(distinct left(query, 30))::int as count from pg_stat_activity
     where query like '%for key share%' and query not like '%pg_stat_activity%' and query_start > (select paused_at from acme_jobs.pauses)`,
  );
  return rows[0]!.count;
}
