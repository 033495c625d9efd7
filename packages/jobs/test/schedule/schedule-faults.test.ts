import { type Child, runChild, terminateBackends } from "@acme/test-postgres";
import { describe, expect, it } from "vitest";
import { schedule } from "../../src/index.ts";
import { declare } from "../../src/schedule/declare.ts";
import { everyMinute, passMinutes, report, waitingTicks } from "../support/schedules.ts";
import { createTestJobs, type TestJobs } from "../support/test-jobs.ts";

const hours = [0, 1, -1];

/** A worker on a host whose clock is right, or wrong by an hour. */
function startHost({ jobsUrl }: TestJobs, index: number, env: Record<string, string> = {}): Child {
  return runChild(new URL("../children/scheduling-worker.child.ts", import.meta.url), {
    env: { JOBS_URL: jobsUrl, CLOCK_SKEW_MS: String(hours[index % hours.length]! * 3_600_000), ...env },
    execArgv: ["--import", new URL("../support/skewed-clock.ts", import.meta.url).href],
  });
}

describe("schedules on three workers", () => {
  it("enqueue each tick once, whoever is killed, stopped or cut off, and whatever their clocks show", async () => {
    await using test = await createTestJobs();
    await using children = new AsyncDisposableStack();
    const tickCount = 6_000;
    await declare(test.jobsPool, [schedule(report, { ...everyMinute, overlap: "queue", backfill: "all" })]);
    await passMinutes(test.jobsPool, tickCount);
    const { rows } = await test.jobsPool.query("select next_at from acme_jobs.schedules");
    const first = rows[0].next_at as Date;
    const hosts = [0, 1, 2].map((index) => children.use(startHost(test, index)));
    await Promise.all(hosts.map((host) => host.waitFor("started")));

    const faults = [
      async (index: number) => {
        await hosts[index]!.kill("SIGKILL");
        hosts[index] = children.use(startHost(test, index));
      },
      async (index: number) => void process.kill(hosts[index]!.pid, "SIGSTOP"),
      async () => void (await terminateBackends(test.jobsUrl)),
      async (index: number) => void process.kill(hosts[index]!.pid, "SIGCONT"),
    ];
    for (let round = 0; round < 12; round++) {
      const least = ((round + 1) * tickCount) / 15;
      await expect.poll(() => countTicks(test), { timeout: 30_000 }).toBeGreaterThan(least);
      await faults[round % faults.length]!(round % hosts.length);
    }
    for (const { pid } of hosts) process.kill(pid, "SIGCONT");

    await expect.poll(() => countTicks(test), { timeout: 30_000 }).toBeGreaterThanOrEqual(tickCount);
    const ticks = await waitingTicks(test.jobsPool);
    expect(ticks).toEqual(ticks.map((_, index) => new Date(first.getTime() + index * 60_000).toISOString()));
  });

  it("go on without one that stands still in the middle of a tick", async () => {
    await using test = await createTestJobs();
    await declare(test.jobsPool, [schedule(report, { ...everyMinute, overlap: "queue", backfill: "all" })]);
    await passMinutes(test.jobsPool, 1);
    await using still = startHost(test, 0, { HOLD: "in the middle" });
    await expect.poll(() => countOpenTransactions(test), { timeout: 20_000 }).toBe(1);

    await using healthy = startHost(test, 1);

    await expect.poll(() => countTicks(test), { timeout: 30_000 }).toBe(1);
    expect(still.stderr() + healthy.stderr()).toBe("");
  });
});

async function countTicks({ jobsPool }: TestJobs): Promise<number> {
  const { rows } = await jobsPool.query("select count(*)::int as count from graphile_worker._private_jobs");
  return rows[0].count;
}

async function countOpenTransactions({ jobsPool }: TestJobs): Promise<number> {
  const { rows } = await jobsPool.query(
    "select count(*)::int as count from pg_stat_activity where datname = current_database() and state = 'idle in transaction'",
  );
  return rows[0].count;
}
