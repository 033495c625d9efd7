import { createTemplate, createTestDatabase, startProxy } from "@acme/test-postgres";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createTestJobs, migrateOutbox, outboxCount, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, perform, type Relay } from "../../src/index.ts";
import { collectInto } from "../support/test-jobs.ts";

const task = defineTask("t", { payload: z.object({ n: z.number() }) });
const jobCount = async (test: TestJobs) => (await storedJobs(test.jobsPool)).length;

function relayOf(jobs: TestJobs["jobs"], options?: Parameters<TestJobs["jobs"]["startRelay"]>[0]): Relay {
  const relay = jobs.startRelay(options);
  onTestFinished(() => relay.stop());
  return relay;
}

describe("a relay", () => {
  it("moves a row with every setting of its job, and its id", async () => {
    await using test = await createTestJobs({ outbox: true });
    const runAt = new Date("2099-01-02T03:04:05.678Z");
    const id = await test.jobs.enqueue(task, { n: 1 }, { runAt, key: "k", queue: "q", priority: -7 });

    relayOf(test.jobs);

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    const { rows } = await test.jobsPool.query("select * from graphile_worker.jobs");
    expect(rows).toMatchObject([
      {
        task_identifier: "t",
        run_at: runAt,
        key: "t:k",
        queue_name: "q",
        priority: -7,
        flags: { [`acme:id:${id}`]: true },
      },
    ]);
  });

  it("keeps times that never come, and those before all others, as plain SQL has written them", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.dataPool.query(
      `insert into acme_jobs.outbox (id, task, payload, run_at, preserve_run_at)
       select gen_random_uuid(), time, '{}', time::timestamptz, false from unnest(array['-infinity', 'infinity']) as time`,
    );

    relayOf(test.jobs);

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    const { rows } = await test.jobsPool.query(
      "select task_identifier as task, run_at::text from graphile_worker.jobs order by run_at",
    );
    expect(rows).toEqual(["-infinity", "infinity"].map((time) => ({ task: time, run_at: time })));
  });

  it("forgets ids that were taken more than a day ago, also if no new rows come", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueue(task, { n: 1 });
    const first = relayOf(test.jobs);
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    await first.stop();
    await test.jobsPool.query("update acme_jobs.taken set taken_at = now() - interval '25 hours'");

    relayOf(test.jobs);

    await expect.poll(async () => (await test.jobsPool.query("select from acme_jobs.taken")).rowCount).toBe(0);
  });

  it("is woken by a commit in another process, long before its next poll", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using elsewhere = createJobs({ connection: test.jobsUrl, outbox: { connection: test.dataUrl } });
    relayOf(test.jobs, { pollIntervalMs: 3_600_000 });
    // The first job shows that the relay listens by now; the second then travels by its notification alone.
    await elsewhere.enqueue(task, { n: 1 });
    await expect.poll(() => jobCount(test)).toBe(1);

    await elsewhere.enqueue(task, { n: 2 });

    await expect.poll(() => jobCount(test)).toBe(2);
  });

  it("adds a job once although its row is found again after the jobs were added", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.dataPool.query(
      "create table kept as select * from acme_jobs.outbox; create function keep() returns trigger language plpgsql as $$ begin insert into kept select old.*; return old; end $$; create trigger keep before delete on acme_jobs.outbox for each row execute function keep()",
    );
    await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }]);
    relayOf(test.jobs);
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);

    await test.dataPool.query("insert into acme_jobs.outbox overriding system value select * from kept");

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect(await jobCount(test)).toBe(2);
  });

  it("finds a row that was written earlier and committed later than others", async () => {
    await using test = await createTestJobs({ outbox: true });
    const late = await test.dataPool.connect();
    await late.query("begin");
    await test.jobs.enqueue(task, { n: 1 }, { tx: late });
    await test.jobs.enqueue(task, { n: 2 });
    relayOf(test.jobs);
    await expect.poll(() => jobCount(test)).toBe(1);

    await late.query("commit");

    late.release();
    await expect.poll(() => jobCount(test)).toBe(2);
  });

  it("of two relays repeats nothing", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using elsewhere = createJobs({ connection: test.jobsUrl, outbox: { connection: test.dataUrl } });
    await test.jobs.enqueueMany(
      task,
      Array.from({ length: 500 }, (_, n) => ({ n })),
    );

    relayOf(test.jobs, { batchSize: 7 });
    relayOf(elsewhere, { batchSize: 11 });

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    const { rows } = await test.jobsPool.query(
      "select count(*)::int, count(distinct flags)::int as ids from graphile_worker.jobs",
    );
    expect(rows).toEqual([{ count: 500, ids: 500 }]);
  });

  it("lets the last payload of a key come last, though another relay is slow with an older one", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using elsewhere = createJobs({ connection: test.jobsUrl, outbox: { connection: test.dataUrl } });
    const first = await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
    // The slow relay has claimed the older row, and waits to remember its id.
    const slow = await test.jobsPool.connect();
    await slow.query("begin");
    await slow.query("insert into acme_jobs.taken (id, outbox) values ($1, 'slow')", [first]);
    relayOf(test.jobs, { pollIntervalMs: 20 });
    await expect.poll(() => waitingCount(test)).toBe(1);
    await test.jobs.enqueue(task, { n: 2 }, { key: "k" });
    await test.jobs.enqueue(task, { n: 3 });
    relayOf(elsewhere, { pollIntervalMs: 20 });
    await expect.poll(() => jobCount(test)).toBe(1);

    await slow.query("rollback");

    slow.release();
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    const { rows } = await test.jobsPool.query(
      "select payload from graphile_worker._private_jobs where key is not null",
    );
    expect(rows).toEqual([{ payload: { n: 2 } }]);
  });

  it("moves large payloads in batches of bounded size", async () => {
    await using test = await createTestJobs({ outbox: true });
    const large = defineTask("large", { payload: z.object({ text: z.string() }) });
    const text = "x".repeat(250_000);
    await test.jobs.enqueueMany(
      large,
      Array.from({ length: 100 }, () => ({ text })),
    );

    relayOf(test.jobs);

    // 16 MiB hold 67 of them.
    const seen = new Set<number>();
    await expect
      .poll(
        async () => {
          const left = await outboxCount(test.dataPool);
          seen.add(left);
          return left;
        },
        { interval: 5 },
      )
      .toBe(0);
    expect(seen).toContain(33);
  });

  it("makes a dead letter of a row that no job can be made of, and moves all the others", async () => {
    await using test = await createTestJobs({ outbox: true });
    const numbers = (from: number) => Array.from({ length: 20 }, (_, index) => ({ n: from + index }));
    await test.jobs.enqueueMany(task, numbers(0));
    // enqueue() refuses such a name, plain SQL does not.
    const { rows } = await test.dataPool.query(
      `insert into acme_jobs.outbox (id, task, payload, preserve_run_at)
       values (gen_random_uuid(), $1, '{"n": "secret"}', false) returning id`,
      ["x".repeat(129)],
    );
    await test.jobs.enqueueMany(task, numbers(20));

    relayOf(test.jobs);

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect(await jobCount(test)).toBe(40);
    expect(await test.jobs.deadLetters.list()).toMatchObject([
      { id: rows[0].id, payload: { n: "secret" }, attempts: 0, reason: expect.stringMatching(/^Refused by/) as string },
    ]);
    const lines = test.log.filter(({ level }) => level === "error" || level === "warn");
    expect(lines).toMatchObject([{ level: "error", fields: { id: rows[0].id, code: "23514" } }]);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  it("makes a dead letter of a row that is nested too deeply for the jobs database, its payload as text, and moves all the others", async () => {
    await using test = await createTestJobs({ outbox: true });
    const name = new URL(test.jobsUrl).pathname.slice(1);
    await test.jobsPool.query(`alter database "${name}" set max_stack_depth = '100kB'`);
    const nested = "[".repeat(5_000) + "]".repeat(5_000);
    await test.jobs.enqueue(task, { n: 1 });
    await test.dataPool.query(
      "insert into acme_jobs.outbox (id, task, payload, preserve_run_at) values (gen_random_uuid(), 't', $1, false)",
      [nested],
    );
    await test.jobs.enqueue(task, { n: 2 });

    relayOf(test.jobs);

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect(await jobCount(test)).toBe(2);
    expect(await test.jobs.deadLetters.list()).toMatchObject([{ payload: nested, attempts: 0 }]);
  });

  it.each([
    ["that adds their jobs", "jobsPool", "insert on graphile_worker._private_jobs", "new"],
    ["that remembers them", "jobsPool", "insert on acme_jobs.taken", "new"],
    ["that removes them", "dataPool", "delete on acme_jobs.outbox", "old"],
  ] as const)(
    "moves fewer at once where the statement for many takes longer than it may: the one %s",
    async (...row) => {
      const [, pool, event, which] = row;
      await using test = await createTestJobs({ outbox: true });
      await test[pool].query(`
      create function public.too_slow() returns trigger language plpgsql as $$
        begin
          if (select count(*) from touched) > 10 then
            raise exception 'canceling statement due to statement timeout' using errcode = '57014';
          end if;
          return null;
        end
      $$;
      create trigger too_slow after ${event} referencing ${which} table as touched
        for each statement execute function public.too_slow()`);
      await test.jobs.enqueueMany(
        task,
        Array.from({ length: 64 }, (_, n) => ({ n })),
      );

      relayOf(test.jobs);

      await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
      expect(await jobCount(test)).toBe(64);
    },
  );

  it("forgets after a day what it has moved, but not what is still in its own outbox", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using other = await createTestDatabase({ template: await createTemplate("outbox", migrateOutbox) });
    await using neighbours = createJobs({ connection: test.jobsUrl, outbox: { connection: other.url } });
    // As a relay leaves it that dies between its two commits.
    await test.dataPool.query("create table kept as select * from acme_jobs.outbox");
    const [, left] = await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }]);
    await test.dataPool.query("insert into kept select * from acme_jobs.outbox where id = $1", [left]);
    const first = relayOf(test.jobs);
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    await first.stop();
    await test.dataPool.query("insert into acme_jobs.outbox overriding system value select * from kept");
    await test.jobsPool.query("update acme_jobs.taken set taken_at = now() - interval '2 days'");

    // Relays of another outbox on the same jobs database forget only their own ids.
    await neighbours.enqueue(task, { n: 3 });
    relayOf(neighbours);
    await expect.poll(() => jobCount(test)).toBe(3);
    relayOf(test.jobs);

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    const remembered = async () => (await test.jobsPool.query("select id from acme_jobs.taken order by id")).rowCount;
    // The neighbour's, which is young; and none of the old ones, now that they have left the outbox.
    await expect.poll(remembered).toBe(1);
    expect(await jobCount(test)).toBe(3);
  });

  it("forgets nothing that is still in its outbox, since it would become a second job", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.dataPool.query("create table kept as select * from acme_jobs.outbox");
    const [left] = await test.jobs.enqueueMany(task, [{ n: 1 }]);
    await test.dataPool.query("insert into kept select * from acme_jobs.outbox");
    const first = relayOf(test.jobs);
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    await first.stop();
    await test.jobsPool.query("update acme_jobs.taken set taken_at = now() - interval '2 days'");
    await test.dataPool.query("insert into acme_jobs.outbox overriding system value select * from kept");
    // A transaction holds the row back while another row is moved.
    const holder = await test.dataPool.connect();
    await holder.query("begin");
    await holder.query("select from acme_jobs.outbox where id = $1 for update", [left]);
    await test.jobs.enqueue(task, { n: 2 });

    const second = relayOf(test.jobs);
    await expect.poll(() => jobCount(test)).toBe(2);
    await second.stop();
    await holder.query("commit");
    holder.release();
    relayOf(test.jobs);

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect(await jobCount(test)).toBe(2);
  });

  it("leaves the worker running while the database of the data is away at its start", async () => {
    await using test = await createTestJobs();
    await using jobs = createJobs({
      connection: test.jobsUrl,
      outbox: { connection: "postgres://nobody:nothing@127.0.0.1:1/none" },
      logger: collectInto([]),
    });
    const seen: number[] = [];
    await test.jobs.enqueue(task, { n: 1 });

    const worker = await jobs.startWorker({ tasks: [perform(task, ({ n }) => void seen.push(n))] });

    await expect.poll(() => seen).toEqual([1]);
    expect(worker.state).toBe("running");
  });

  it("creates no outbox for a worker with migrate: false", async () => {
    await using test = await createTestJobs();
    await using data = await createTestDatabase();
    const log: Parameters<typeof collectInto>[0] = [];
    await using jobs = createJobs({
      connection: test.jobsUrl,
      outbox: { connection: data.url },
      logger: collectInto(log),
    });

    await jobs.startWorker({ tasks: [perform(task, () => undefined)], migrate: false });

    await expect.poll(() => log.filter(({ level }) => level === "warn").length).toBe(1);
    const { rows } = await data.pool().query("select to_regnamespace('acme_jobs') as schema");
    expect(rows).toEqual([{ schema: null }]);
  });

  it("is refused pools that are too small to move anything", async () => {
    await using test = await createTestJobs({ outbox: true });
    const ofOne = new Pool({ connectionString: test.dataUrl, max: 1 });
    const ofThree = new Pool({ connectionString: test.jobsUrl, max: 3 });
    await using noRoomToListen = createJobs({ connection: test.jobsUrl, outbox: { connection: ofOne } });
    await using oneForBoth = createJobs({ connection: ofThree, outbox: { connection: ofThree } });

    expect(() => noRoomToListen.startRelay()).toThrow(expect.objectContaining({ code: "POOL_TOO_SMALL" }) as Error);
    await expect(oneForBoth.startWorker({ tasks: [perform(task, () => undefined)] })).rejects.toMatchObject({
      code: "POOL_TOO_SMALL",
    });
    await Promise.all([ofOne.end(), ofThree.end()]);
  });

  it("keeps trying while the jobs database is gone, says so once, and moves everything when it is back", async () => {
    await using test = await createTestJobs({ outbox: true });
    const log: Parameters<typeof collectInto>[0] = [];
    const name = new URL(test.jobsUrl).pathname.slice(1);
    await using jobs = createJobs({
      connection: test.jobsUrl,
      outbox: { connection: test.dataUrl },
      logger: collectInto(log),
    });
    const rename = (from: string, to: string) =>
      test.dataPool.query(
        `do $$ begin perform pg_terminate_backend(pid) from pg_stat_activity where datname = '${from}'; execute 'alter database "${from}" rename to "${to}"'; end $$`,
      );
    await rename(name, `${name}_away`);
    relayOf(jobs, { pollIntervalMs: 10 });
    await jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    await expect.poll(() => log.filter(({ level }) => level === "warn").length).toBe(1);
    expect((await jobs.health()).jobsDatabase).toBe("down");

    await rename(`${name}_away`, name);

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect(await jobCount(test)).toBe(3);
    expect(log.filter(({ level }) => level === "warn").length).toBe(1);
  });

  it("is refused without an outbox", async () => {
    await using test = await createTestJobs();

    expect(() => test.jobs.startRelay()).toThrow(expect.objectContaining({ code: "OUTBOX_MISSING" }) as Error);
  });
});

describe("an outbox in the database of the jobs", () => {
  it("is bypassed once both are known to be one, and still emptied", async () => {
    await using test = await createTestJobs();
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: test.jobsUrl } });
    await jobs.migrateOutbox();
    await jobs.enqueue(task, { n: 1 });
    expect([await outboxCount(test.jobsPool), await jobCount(test)]).toEqual([1, 0]);

    await jobs.migrate();
    await jobs.enqueue(task, { n: 2 });

    expect([await outboxCount(test.jobsPool), await jobCount(test)]).toEqual([1, 1]);
    relayOf(jobs);
    await expect.poll(() => jobCount(test)).toBe(2);
  });
});

describe("health", () => {
  it("tells how much waits in the outbox and since when", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }]);
    await test.dataPool.query("update acme_jobs.outbox set created_at = now() - interval '1 minute'");

    const health = await test.jobs.health();

    expect(health).toMatchObject({ jobsDatabase: "up", outbox: { pendingCount: 2 } });
    expect(health.outbox).toHaveProperty("oldestAgeMs", expect.closeTo(60_000, -4));
  });

  it("tells an outbox that is not migrated from one that does not answer", async () => {
    await using database = await createTestDatabase();
    await using jobs = createJobs({ outbox: { connection: database.url } });

    expect(await jobs.health()).toMatchObject({ outbox: "not migrated" });
  });

  it("is refused a pool that is both sides and in which relays would wait for each other", async () => {
    await using test = await createTestJobs({ outbox: true });
    const openPool = (max: number) => {
      const pool = new Pool({ connectionString: test.jobsUrl, max });
      onTestFinished(() => pool.end());
      return pool;
    };
    const [four, five] = [openPool(4), openPool(5)];
    await using tooFew = createJobs({ connection: four, outbox: { connection: four }, logger: collectInto([]) });
    await using enough = createJobs({ connection: five, outbox: { connection: five }, logger: collectInto([]) });
    await enough.migrateOutbox();

    tooFew.startRelay();
    expect(() => tooFew.startRelay()).toThrow(expect.objectContaining({ code: "POOL_TOO_SMALL" }) as Error);

    for (let count = 0; count < 2; count += 1) enough.startRelay({ batchSize: 10, pollIntervalMs: 10 });
    await test.jobsPool.query(
      `insert into acme_jobs.outbox (id, task, payload, preserve_run_at)
       select gen_random_uuid(), 't', '{"n":1}', false from generate_series(1, 300)`,
    );
    await expect.poll(() => outboxCount(test.jobsPool)).toBe(0);
  });

  it("gives its connection back though the network falls silent before it listens", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using proxy = await startProxy(test.dataUrl);
    const pool = new Pool({ connectionString: proxy.url, connectionTimeoutMillis: 5_000 });
    onTestFinished(() => pool.end());
    await Promise.all(Array.from({ length: 3 }, () => pool.query("select pg_sleep(0.1)")));
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: pool }, logger: collectInto([]) });

    proxy.goSilent();
    await jobs.startRelay().stop();

    // Two statements are given up in their time, and called off over another connection.
    await expect.poll(() => pool.totalCount - pool.idleCount, { timeout: 90_000 }).toBe(0);
    proxy.cutAll();
    proxy.resume();
  });

  it("gives its connection back though it is stopped while that is being made", async () => {
    await using test = await createTestJobs({ outbox: true });
    const pool = new Pool({ connectionString: test.dataUrl });
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: pool }, logger: collectInto([]) });
    const beganAt = performance.now();

    await jobs.startRelay().stop();
    await pool.end();

    // A caller that waits for the connection to end gives up after ten seconds.
    expect(performance.now() - beganAt).toBeLessThan(9_000);
  });

  it("moves fewer rows at once if the database limits the time of a transaction", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobsPool.query(`
      do $$ begin execute format('alter database %I set transaction_timeout = 1000', current_database()); end $$;
      create function public.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.01); return new; end $$;
      create trigger slow before insert on graphile_worker._private_jobs for each row execute function public.slow()`);
    await test.jobs.enqueueMany(
      task,
      Array.from({ length: 300 }, (_, n) => ({ n })),
    );
    await using jobs = createJobs({
      connection: test.jobsUrl,
      outbox: { connection: test.dataUrl },
      logger: collectInto([]),
    });

    jobs.startRelay();

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect(await jobCount(test)).toBe(300);
  });

  it("reports a database that does not answer instead of throwing", async () => {
    await using jobs = createJobs({
      connection: "postgres://nobody:nothing@127.0.0.1:1/none",
      outbox: { connection: "postgres://nobody:nothing@127.0.0.1:1/none" },
    });

    expect(await jobs.health()).toEqual({ workers: [], jobsDatabase: "down", outbox: "down" });
  });
});

/** How many statements wait for a lock in the jobs database. */
async function waitingCount(test: TestJobs): Promise<number> {
  const { rows } = await test.jobsPool.query(
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows.length;
}
