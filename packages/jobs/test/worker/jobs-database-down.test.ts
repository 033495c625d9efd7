import { createTestDatabase, runChild, startServer, type Child } from "@acme/test-postgres";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startWriting } from "../support/continuous-writer.ts";
import { collectInto, outboxCount, storedJobs } from "../support/test-jobs.ts";
import { createJobs, type JobsHealth } from "../../src/index.ts";

const child = new URL("../children/relaying-host.child.ts", import.meta.url);
const outageMs = 10_000;
const commitsAround = 1_000;

describe("while the jobs database is down for 10 seconds under load", () => {
  const resources = new AsyncDisposableStack();
  let story: Awaited<ReturnType<typeof liveThroughAnOutage>>;
  beforeAll(async () => {
    story = await liveThroughAnOutage(resources);
  }, 120_000);
  afterAll(() => resources.disposeAsync());

  it("commits do not fail, and take no longer than before", async ({ annotate }) => {
    const { before, meanwhile, errors, committedInOutage } = story;
    await annotate(
      `${committedInOutage} commits; ms at median and p95: ${inWords(before)} before, ${inWords(meanwhile)} meanwhile`,
    );

    expect(errors).toEqual([]);
    expect(meanwhile[0]).toBeLessThan(3 * before[0]);
    // Others use this machine, too.
    expect(meanwhile[1]).toBeLessThan(Math.max(20, 3 * before[1]));
  });

  it("health says so, and how much waits for how long", () => {
    const { early, late, committedInOutage } = story;

    expect([early.jobsDatabase, late.jobsDatabase]).toEqual(["down", "down"]);
    const [first, last] = [waiting(early), waiting(late)];
    expect(last.oldestAgeMs).toBeGreaterThanOrEqual(outageMs);
    expect(last.oldestAgeMs).toBeGreaterThan(first.oldestAgeMs);
    // Counted up to 10,000.
    expect(last.pendingCount).toBeGreaterThan(Math.min(10_000, committedInOutage) / 2);
  });

  it("the relay and the worker need no more memory the more waits", async ({ annotate }) => {
    const { memory } = story;
    await annotate(`MiB: ${memory.map((bytes) => (bytes / 2 ** 20).toFixed(1)).join(", ")}`);

    expect(Math.max(...memory) - memory[0]!).toBeLessThan(16 * 2 ** 20);
  });

  it("nothing is lost: every row is one job in the end, and each of them is done", async () => {
    const { rows } = await story.jobsPool.query(
      "select count(*)::int as jobs, count(distinct id)::int as ids from arrived",
    );

    expect(rows).toEqual([{ jobs: story.committed, ids: story.committed }]);
    await expect.poll(() => storedJobs(story.jobsPool), { timeout: 30_000 }).toEqual([]);
    expect(await story.jobs.deadLetters.list()).toEqual([]);
  });

  it("the backlog is moved as soon as it is back, roughly oldest first", async ({ annotate }) => {
    const { rows: written } = await story.dataPool.query<{ id: string }>("select id from written order by position");
    const { rows: arrived } = await story.jobsPool.query<{ id: string }>("select id from arrived order by job_id");
    const placeOf = new Map(written.map(({ id }, place) => [id, place]));
    const displacements = arrived.map(({ id }, place) => Math.abs(place - placeOf.get(id)!));
    const most = Math.max(...displacements);
    await annotate(`drained in ${Math.round(story.drainMs)} ms; at most ${most} places from its own`);

    expect(story.drainMs).toBeLessThan(30_000);
    // Commits overtake each other by a few places.
    expect(most).toBeLessThan(500);
  });
});

async function liveThroughAnOutage(resources: AsyncDisposableStack) {
  const server = resources.use(await startServer({ databases: ["jobs"] }));
  const data = resources.use(await createTestDatabase());
  const connections = { connection: server.url("jobs"), outbox: { connection: data.url } };
  const jobs = resources.use(createJobs({ ...connections, logger: collectInto([]) }));
  await jobs.migrate();
  const dataPool = data.pool();
  const jobsPool = resources.adopt(poolOf(server.url("jobs")), (pool) => pool.end());
  await noteWhatArrives(jobsPool);
  await noteWhatIsWritten(dataPool);
  const host = resources.use(
    runChild(child, {
      env: { JOBS_URL: server.url("jobs"), DATA_URL: data.url },
      execArgv: ["--expose-gc", "--unhandled-rejections=strict"],
    }),
  );
  await host.waitFor("working");
  const writer = resources.use(startWriting(dataPool, jobs));
  const commitMore = async () => {
    const enough = writer.committedCount() + commitsAround;
    await vi.waitUntil(() => writer.committedCount() >= enough, { timeout: 30_000 });
  };

  await commitMore();
  // The first ones found cold connections.
  writer.takeLatencies();
  await commitMore();
  const before = quantiles(writer.takeLatencies());
  const memory = [await memoryOf(host)];

  await server.stop();
  writer.takeLatencies();
  const committedBefore = writer.committedCount();
  await vi.waitUntil(async () => (await outboxCount(dataPool)) > 0, { timeout: 10_000 });
  const early = await jobs.health();
  memory.push(await memoryOf(host));
  const hasWaitedLong = async () => {
    const { oldestAgeMs, pendingCount } = waiting(await jobs.health());
    return oldestAgeMs > outageMs && pendingCount > 1_000;
  };
  await vi.waitUntil(hasWaitedLong, { timeout: 60_000, interval: 250 });
  const late = await jobs.health();
  memory.push(await memoryOf(host));
  const latencies = writer.takeLatencies();
  const committedInOutage = writer.committedCount() - committedBefore;
  // The oldest rows now lie last in the table: only their position tells that they are the oldest.
  await dataPool.query(
    "update acme_jobs.outbox set priority = priority where position < (select min(position) + 1000 from acme_jobs.outbox)",
  );

  await server.start();
  const startedAt = performance.now();
  await commitMore();
  await writer.stop();
  await vi.waitUntil(async () => (await outboxCount(dataPool)) === 0, { timeout: 60_000 });
  const drainMs = performance.now() - startedAt;
  memory.push(await memoryOf(host));

  return {
    jobs,
    jobsPool,
    dataPool,
    before,
    meanwhile: quantiles(latencies),
    errors: writer.errors,
    committed: writer.committedCount(),
    committedInOutage,
    early,
    late,
    memory,
    drainMs,
  };
}

/** Its id in the order in which jobs were added. The row of a job that is done is gone. */
async function noteWhatArrives(pool: Pool): Promise<void> {
  await pool.query(`
    create table arrived (job_id bigint primary key, id uuid);
    create function note() returns trigger language plpgsql as $$ begin
      insert into arrived select new.id, replace(flag, 'acme:id:', '')::uuid from jsonb_object_keys(new.flags) as flag where flag like 'acme:id:%';
      return null;
    end $$;
    create trigger note after insert on graphile_worker._private_jobs for each row execute function note()`);
}

async function noteWhatIsWritten(pool: Pool): Promise<void> {
  await pool.query(`
    create table written (id uuid primary key, position bigint);
    create function note() returns trigger language plpgsql as $$ begin
      insert into written values (new.id, new.position);
      return null;
    end $$;
    create trigger note after insert on acme_jobs.outbox for each row execute function note()`);
}

function poolOf(url: string): Pool {
  const pool = new Pool({ connectionString: url });
  pool.on("error", () => undefined);
  return pool;
}

async function memoryOf(host: Child): Promise<number> {
  host.send("memory");
  await host.waitFor("memory told");
  return Number(host.stdout().trim().split("\n").at(-1));
}

function waiting({ outbox }: JobsHealth): { pendingCount: number; oldestAgeMs: number } {
  if (typeof outbox === "object") return outbox;
  throw new Error(`The outbox is ${outbox}.`);
}

/** At the median and at 95 of 100. */
function quantiles(milliseconds: readonly number[]): [median: number, p95: number] {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  return [sorted[Math.floor(sorted.length * 0.5)]!, sorted[Math.floor(sorted.length * 0.95)]!];
}

function inWords([median, p95]: readonly [number, number]): string {
  return `${median.toFixed(1)} and ${p95.toFixed(1)}`;
}
