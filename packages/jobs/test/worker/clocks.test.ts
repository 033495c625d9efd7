import { runChild, terminateBackends } from "@acme/test-postgres";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { createAttemptLedger, type AttemptLedger } from "../support/attempt-ledger.ts";
import { clocked, clockedDelayMs } from "../support/clocked-task.ts";
import { createTestJobs, outboxCount, storedJobs, type TestJobs } from "../support/test-jobs.ts";

const preload = new URL("../support/skewed-clock.ts", import.meta.url).href;
const child = new URL("../children/skewed-host.child.ts", import.meta.url);

/** A process whose clock is wrong by so many hours. */
async function startHost(test: TestJobs, ledger: AttemptLedger, hours: number, env: Record<string, string> = {}) {
  const started = runChild(child, {
    env: {
      JOBS_URL: test.jobsUrl,
      LEDGER_URL: ledger.url,
      CLOCK_SKEW_MS: String(hours * 3_600_000),
      ...(test.dataUrl !== test.jobsUrl && { DATA_URL: test.dataUrl }),
      ...env,
    },
    execArgv: ["--import", preload, "--unhandled-rejections=strict"],
  });
  const order = async (what: string, answer: unknown = "done") => {
    started.send(what);
    await started.waitFor(`${what}: ${JSON.stringify(answer)}`);
  };
  await started.waitFor("ready");
  await order("hours off", hours);
  return { ...started, order, [Symbol.asyncDispose]: started[Symbol.asyncDispose] };
}

/** Far from the hour by which clocks differ, whatever else this machine does. */
const latenessMs = 10_000;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe("with workers whose clocks are an hour ahead and an hour behind", () => {
  it("a retry is neither early nor late", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    await using ahead = await startHost(test, ledger, 1);
    await using behind = await startHost(test, ledger, -1);
    await Promise.all([ahead.order("work"), behind.order("work")]);

    for (const n of numbers(40)) await test.jobs.enqueue(clocked, { n, ends: "badly once" });

    await expect.poll(() => ledger.doneCount(), { timeout: 30_000 }).toBe(40);
    const delays = await ledger.delaysAfter(1);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(clockedDelayMs);
    expect(Math.max(...delays)).toBeLessThan(clockedDelayMs + latenessMs);
  });

  it("a job runs when its runAt has come by the clock of the database", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    await using ahead = await startHost(test, ledger, 1);
    await using behind = await startHost(test, ledger, -1);
    await Promise.all([ahead.order("work"), behind.order("work")]);
    const runAt = new Date((await databaseNow(test.jobsPool)) + 1_500);

    for (const n of numbers(20)) await test.jobs.enqueue(clocked, { n, ends: "well" }, { runAt });

    await expect.poll(() => ledger.doneCount(), { timeout: 30_000 }).toBe(20);
    const lateness = (await ledger.notes()).map(({ at }) => at.getTime() - runAt.getTime());
    expect(Math.min(...lateness)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...lateness)).toBeLessThan(latenessMs);
  });
});

describe.each([
  ["an hour ahead", 1],
  ["an hour behind", -1],
])("on a host whose clock is %s", (_, hours) => {
  it("a killed worker's job runs again within seconds", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    await using killed = await startHost(test, ledger, hours);
    await killed.order("work");
    await test.jobs.enqueue(clocked, { n: 1, ends: "never" });
    await killed.waitFor("running 1");
    await using survivor = await startHost(test, ledger, -hours);
    await survivor.order("work");
    const killedAt = performance.now();

    await killed.kill("SIGKILL");
    await survivor.waitFor("running 1");

    expect(performance.now() - killedAt).toBeLessThan(10_000);
  });

  it("a worker considers nobody dead whose heartbeat is fresh", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    // Its session is lost below, and with it the lock that says it lives: only its last heartbeat, younger than half an hour, speaks for it.
    await using living = await startHost(test, ledger, -hours, {
      JOBS_URL: `${test.jobsUrl}?application_name=living`,
      HEARTBEAT: JSON.stringify({ heartbeatMs: 600_000, deadAfterMs: 1_800_000 }),
    });
    await living.order("work");
    await test.jobs.enqueue(clocked, { n: 1, ends: "never" });
    await living.waitFor("running 1");
    await using neighbour = await startHost(test, ledger, hours, {
      HEARTBEAT: JSON.stringify({ heartbeatMs: 50, deadAfterMs: 1_800_000 }),
    });
    await neighbour.order("work");

    await terminateBackends(test.jobsUrl, { applicationName: "living" });
    const beats = await beatsOf(test.jobsPool);
    await expect.poll(() => beatsOf(test.jobsPool), { timeout: 20_000 }).toBeGreaterThan(beats + 1);

    expect(await ledger.notes()).toMatchObject([{ n: 1, what: "begun" }]);
  });

  it("a caller's runAt is as wrong as the caller's clock, and obeyed", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    await using caller = await startHost(test, ledger, hours);

    await caller.order("enqueue for now");

    const { rows } = await test.jobsPool.query(
      "select round(extract(epoch from run_at - now()) / 3600)::int as hours from graphile_worker.jobs",
    );
    expect(rows).toEqual([{ hours }]);
  });

  it("a relay moves what waits, and forgets what was taken more than a day ago and nothing else", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using ledger = await createAttemptLedger();
    const [older, younger] = await test.jobs.enqueueMany(clocked, [
      { n: 1, ends: "well" },
      { n: 2, ends: "well" },
    ]);
    const relay = test.jobs.startRelay();
    await expect.poll(() => takenIds(test.jobsPool)).toHaveLength(2);
    await relay.stop();
    await makeOlder(test.jobsPool, older!, "24 hours 30 minutes");
    await makeOlder(test.jobsPool, younger!, "23 hours 30 minutes");
    await using host = await startHost(test, ledger, hours);
    await host.order("work");

    const id = await test.jobs.enqueue(clocked, { n: 3, ends: "well" });

    await expect.poll(() => takenIds(test.jobsPool)).toEqual([younger, id]);
    expect(await outboxCount(test.dataPool)).toBe(0);
  });

  it("a dead letter has the times of the database", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    await using host = await startHost(test, ledger, hours);
    await host.order("work");

    await test.jobs.enqueue(clocked, { n: 1, ends: "badly for good" });

    await expect.poll(async () => (await test.jobs.deadLetters.list()).length).toBe(1);
    const [letter] = await test.jobs.deadLetters.list();
    const now = await databaseNow(test.jobsPool);
    const times = [letter!.enqueuedAt, letter!.diedAt, new Date(letter!.errors[0]!.at)];
    for (const time of times) expect(Math.abs(now - time.getTime())).toBeLessThan(60_000);
  });

  it("dead letters are purged by their age", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    await test.jobsPool.query(`
      insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at, died_at)
      select age, 'clocked', '{}', 0, 'on purpose', 1, '[]', now(), now() - age::interval
      from unnest(array['20 minutes', '40 minutes']) as age`);
    await using host = await startHost(test, ledger, hours);

    await host.order("purge what is older than half an hour", 1);

    expect((await test.jobs.deadLetters.list()).map(({ id }) => id)).toEqual(["20 minutes"]);
  });

  it("drain runs what waits for its time and for its next attempt", async () => {
    await using test = await createTestJobs();
    await using ledger = await createAttemptLedger();
    const runAt = new Date((await databaseNow(test.jobsPool)) + 7_200_000);
    await test.jobs.enqueue(clocked, { n: 1, ends: "well" }, { runAt });
    await test.jobs.enqueue(clocked, { n: 2, ends: "badly once" });
    await using host = await startHost(test, ledger, hours);

    await host.order("drain", { doneCount: 2, failedCount: 1, snoozedCount: 0, deadCount: 0 });

    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });

  it("health says for how long the oldest outbox row has waited", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using ledger = await createAttemptLedger();
    await test.jobs.enqueue(clocked, { n: 1, ends: "well" });
    await test.dataPool.query("update acme_jobs.outbox set created_at = now() - interval '10 minutes 30 seconds'");
    await using host = await startHost(test, ledger, hours);

    await expect(host.order("minutes waited", 10)).resolves.toBeUndefined();
  });
});

async function databaseNow(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query("select (extract(epoch from clock_timestamp()) * 1000)::float8 as now");
  return rows[0].now;
}

/** The beats of the quickest worker, in seconds. */
async function beatsOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query(
    "select max(extract(epoch from heartbeat_at - started_at))::float8 as seconds from acme_jobs.workers",
  );
  return rows[0].seconds;
}

async function makeOlder(pool: pg.Pool, id: string, age: string): Promise<void> {
  await pool.query("update acme_jobs.taken set taken_at = now() - $2::interval where id = $1", [id, age]);
}

async function takenIds(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>("select id from acme_jobs.taken order by taken_at");
  return rows.map(({ id }) => id);
}
