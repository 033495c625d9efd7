import { runChild } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it } from "vitest";
import { killable } from "../support/killable-task.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";
import { countWorkersAlive, listWorkers } from "../../src/admin/worker-list.ts";
import { perform } from "../../src/index.ts";

const child = new URL("../children/worker.child.ts", import.meta.url);

describe("the list of workers", () => {
  it("has what each has locked, and that it lives", async () => {
    await using test = await createTestJobs();
    const gate = Promise.withResolvers<void>();
    await test.jobs.startWorker({ tasks: [perform(killable, () => gate.promise)], name: "one" });
    await test.jobs.enqueueMany(killable, [{ n: 1 }, { n: 2 }]);

    await expect.poll(() => listWorkers(test.jobsPool)).toMatchObject([{ isAlive: true, lockedCount: 2 }]);

    const [info] = await listWorkers(test.jobsPool);
    expect(info?.poolId).toMatch(/^pool-/);
    expect(info?.startedAt.getTime()).toBeLessThanOrEqual(info?.heartbeatAt.getTime() ?? 0);
    expect(await countWorkersAlive(test.jobsPool)).toBe(1);
    gate.resolve();
  });

  it("says of a worker that hangs that it is alive while it holds its lock, however old its heartbeat", async () => {
    await using test = await createTestJobs();
    await using hung = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await hung.waitFor("started");
    await expect.poll(() => listWorkers(test.jobsPool)).toHaveLength(1);
    process.kill(hung.pid, "SIGSTOP");

    await setHeartbeat(test, "now() - interval '1 hour'");

    expect(await listWorkers(test.jobsPool)).toMatchObject([{ isAlive: true }]);
    process.kill(hung.pid, "SIGCONT");
  });

  it("says of a worker that was killed that it is not, once its heartbeat is old", { timeout: 30_000 }, async () => {
    await using test = await createTestJobs();
    await using killed = runChild(child, { env: { JOBS_URL: test.jobsUrl } });
    await killed.waitFor("started");
    await test.jobs.enqueue(killable, { n: 1 });
    await killed.waitFor("running 1 1");

    await killed.kill("SIGKILL");

    await expect
      .poll(() => listWorkers(test.jobsPool), { timeout: 10_000 })
      .toMatchObject([{ isAlive: false, lockedCount: 1, about: { pid: killed.pid } }]);
    expect(await countWorkersAlive(test.jobsPool)).toBe(0);
  });

  it.each([
    ["a moment ago", "now()", true],
    ["long ago", "now() - interval '1 minute'", false],
    ["in the future, because a clock was set back", "now() + interval '1 minute'", false],
    ["never, because it was declared dead", "'-infinity'", false],
  ])("judges a worker without a lock by its heartbeat: %s", async (_, heartbeat, isAlive) => {
    await using test = await createTestJobs();
    await test.jobsPool.query("insert into acme_jobs.workers (pool_id) values ('p')");

    await setHeartbeat(test, heartbeat);

    const [info] = await listWorkers(test.jobsPool);
    expect(info).toMatchObject({ poolId: "p", isAlive, about: undefined, running: undefined, lockedCount: 0 });
    expect(info?.heartbeatAt.getTime()).not.toBeNaN();
  });

  it("takes no lock of another database, or of two keys, for the lock of a worker", async () => {
    await using test = await createTestJobs();
    await using other = await createTestJobs();
    await test.jobsPool.query(
      "insert into acme_jobs.workers (pool_id, heartbeat_at) values ('p', now() - interval '1 hour')",
    );
    const key = "hashtextextended('acme_jobs:worker:p', 0)";
    const elsewhere = await other.jobsPool.connect();
    await elsewhere.query(`select pg_advisory_lock(${key})`);
    const here = await test.jobsPool.connect();
    await here.query(`select pg_advisory_lock((${key} >> 32)::int, (${key} << 32 >> 32)::int)`);

    expect(await listWorkers(test.jobsPool)).toMatchObject([{ isAlive: false }]);
    await here.query(`select pg_advisory_lock(${key})`);

    expect(await listWorkers(test.jobsPool)).toMatchObject([{ isAlive: true }]);
    elsewhere.release(true);
    here.release(true);
  });

  it("is refused with a code where the tables are missing, or the database cannot be reached", async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("drop schema acme_jobs cascade");

    await expect(listWorkers(test.jobsPool)).rejects.toMatchObject({ code: "MIGRATION_MISSING" });
    const nowhere = new Pool({ connectionString: "postgres://127.0.0.1:1/none" });
    await expect(listWorkers(nowhere)).rejects.toMatchObject({ code: "JOBS_DATABASE_UNREACHABLE" });
  });

  it("is there although the jobs cannot be counted", { timeout: 20_000 }, async () => {
    await using test = await createTestJobs();
    await test.jobsPool.query("insert into acme_jobs.workers (pool_id) values ('p')");
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_jobs");

    expect(await listWorkers(test.jobsPool)).toMatchObject([{ poolId: "p", lockedCount: undefined }]);

    await holder.query("rollback");
    holder.release();
  });
});

async function setHeartbeat({ jobsPool }: TestJobs, time: string): Promise<void> {
  await jobsPool.query(`update acme_jobs.workers set heartbeat_at = ${time}`);
}
