import { startServer } from "@acme/test-postgres";
import { Client, Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createJobs, defineTask, perform } from "../../src/index.ts";
import { createAnnouncer } from "../../src/outbox/announcer.ts";
import { createBatchMover } from "../../src/outbox/batch-mover.ts";
import { claimFromOutbox } from "../../src/outbox/claim-rows.ts";
import { removeFromOutbox } from "../../src/outbox/outbox-table.ts";
import { beginTransaction } from "../../src/database/transaction.ts";
import { recordStatements } from "../support/recorded-statements.ts";
import { collectInto, createTestJobs, outboxCount, type LogLine, type TestJobs } from "../support/test-jobs.ts";

const other = defineTask("other", { payload: z.object({}) });
const task = defineTask("t", { payload: z.object({ n: z.number(), text: z.string().optional() }) });

/** What a relay has claimed, until it is done with it. */
async function claim(test: TestJobs, batchSize = 100) {
  const transaction = await beginTransaction(test.dataPool);
  onTestFinished(() => transaction[Symbol.asyncDispose]());
  const { requests: rows } = await claimFromOutbox(transaction, { batchSize });
  return {
    ns: rows.map(({ payload }) => (JSON.parse(payload) as { n: number }).n),
    async move() {
      await removeFromOutbox(transaction, `{${rows.map(({ id }) => id).join(",")}}`);
      await transaction.commit();
    },
  };
}

describe("rows of one key", () => {
  it("are claimed by one relay at a time, and those that another could not have are left to everybody", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
    const first = await claim(test);
    await test.jobs.enqueue(task, { n: 2 }, { key: "k" });
    const second = await claim(test);
    expect([first.ns, second.ns]).toEqual([[1], []]);

    await first.move();
    await test.jobs.enqueue(task, { n: 3 }, { key: "k" });

    expect((await claim(test)).ns).toEqual([2, 3]);
  });

  it("are looked for behind their lock, whatever isolation the database has by default", async () => {
    await using test = await createTestJobs({ outbox: true });
    const { rows } = await test.dataPool.query<{ name: string }>("select current_database() as name");
    await test.dataPool.query(`
      alter database "${rows[0]!.name}" set default_transaction_isolation = 'serializable';
      create table seen (isolation text);
      create function see() returns trigger language plpgsql as
        $$ begin insert into seen values (current_setting('transaction_isolation')); return old; end $$;
      create trigger see before delete on acme_jobs.outbox for each row execute function see()`);
    await test.jobs.enqueue(task, { n: 1 }, { key: "k" });

    test.jobs.startRelay();

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    expect((await test.dataPool.query("select isolation from seen")).rows).toEqual([{ isolation: "read committed" }]);
  });

  it("stay with the relay that has claimed the first of them, also those that were too large for its batch", async () => {
    await using test = await createTestJobs({ outbox: true });
    const text = "x".repeat(250_000);
    await test.jobs.enqueueMany(
      task,
      Array.from({ length: 70 }, (_, n) => ({ n, text })),
    );
    await test.jobs.enqueue(task, { n: 100 }, { key: "k" });
    const first = await claim(test);
    expect(first.ns).not.toContain(100);
    await test.jobs.enqueue(task, { n: 101 }, { key: "k" });

    expect((await claim(test)).ns).toEqual([]);
  });

  it("take a bounded number of locks, however many keys there are", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.dataPool.query(
      `insert into acme_jobs.outbox (id, task, payload, key, preserve_run_at)
       select gen_random_uuid(), 't', json_build_object('n', n), 't:' || n, false from generate_series(1, 5000) as n`,
    );

    const { ns } = await claim(test, 5_000);

    expect(ns).toHaveLength(5_000);
    const { rows } = await test.dataPool.query(
      `select count(*)::int from pg_locks where locktype = 'advisory'
       and database = (select oid from pg_database where datname = current_database())`,
    );
    expect(rows).toEqual([{ count: 512 }]);
  });

  const runCount = Number(process.env["ORDER_RUNS"] ?? 1);
  it.each(Array.from({ length: runCount }, (_, run) => run + 1))(
    "end with the last payload, though four relays move rows of mixed sizes (run %i)",
    async () => {
      await using test = await createTestJobs({ outbox: true });
      const relays = [1, 7, 50, 5_000].map((batchSize) => {
        const jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: test.dataUrl } });
        onTestFinished(() => jobs.close());
        return jobs.startRelay({ batchSize, pollIntervalMs: 10 });
      });
      const keys = Array.from({ length: 8 }, (_, n) => `key ${n}`);
      const runAt = new Date("2099-01-01");
      const lastOf = new Map<string, number>();

      await Promise.all(
        keys.map(async (key, index) => {
          for (let n = 1; n <= 60; n++) {
            const text = "x".repeat((n + index) % 5 === 0 ? 250_000 : 10);
            await test.jobs.enqueue(task, { n, text }, { key, runAt });
            lastOf.set(`t:${key}`, n);
          }
        }),
      );

      await expect.poll(() => outboxCount(test.dataPool), { timeout: 30_000 }).toBe(0);
      await Promise.all(relays.map((relay) => relay.stop()));
      const { rows } = await test.jobsPool.query<{ key: string; n: number }>(
        "select key, (payload->>'n')::int as n from graphile_worker._private_jobs",
      );
      expect(new Map(rows.map(({ key, n }) => [key, n]))).toEqual(lastOf);
    },
  );
});

async function createMixed() {
  const test = await createTestJobs();
  const pools = { connection: test.jobsUrl, outbox: { connection: test.jobsUrl } };
  const uncompared = createJobs(pools);
  const compared = createJobs(pools);
  await compared.migrate();
  const payloads = async () =>
    (await test.jobsPool.query("select payload->'n' as n from graphile_worker._private_jobs order by id")).rows.map(
      ({ n }) => n as unknown,
    );
  return {
    test,
    uncompared,
    compared,
    payloads,
    async [Symbol.asyncDispose]() {
      await uncompared.close();
      await compared.close();
      await test[Symbol.asyncDispose]();
    },
  };
}

describe("a job written beside an outbox in the same database", () => {
  it("does not overtake an older one of its key that waits in there", async () => {
    await using mixed = await createMixed();
    await mixed.uncompared.enqueue(task, { n: 1 }, { key: "k" });
    await mixed.compared.enqueue(task, { n: 2 }, { key: "k" });
    await mixed.compared.enqueue(task, { n: 3 }, { key: "other" });
    expect([await outboxCount(mixed.test.jobsPool), await mixed.payloads()]).toEqual([2, [3]]);

    mixed.compared.startRelay();

    await expect.poll(() => outboxCount(mixed.test.jobsPool)).toBe(0);
    expect(await mixed.payloads()).toEqual([3, 2]);
  });

  it("is written directly once none of its key waits, and is replaced by a later one that comes through the outbox", async () => {
    await using mixed = await createMixed();
    await mixed.compared.enqueue(task, { n: 1 }, { key: "k" });
    expect(await mixed.payloads()).toEqual([1]);

    await mixed.uncompared.enqueue(task, { n: 2 }, { key: "k" });
    mixed.compared.startRelay();

    await expect.poll(mixed.payloads).toEqual([2]);
  });
});

describe("a transaction that stays open with a key", () => {
  it("holds up the rows of that key, and no others, until it has ended", async () => {
    await using mixed = await createMixed();
    const { test, compared, uncompared } = mixed;
    await compared.enqueue(task, { n: 0 });
    const client = await test.jobsPool.connect();
    await client.query("begin");
    await compared.enqueue(task, { n: 1 }, { tx: client, key: "held" });
    await uncompared.enqueue(task, { n: 2 }, { key: "held" });
    await uncompared.enqueueMany(task, [{ n: 3 }, { n: 4 }]);
    await uncompared.enqueue(task, { n: 5 }, { key: "free" });
    await uncompared.enqueue(task, { n: 6 }, { key: "held" });

    compared.startRelay();

    await expect.poll(() => outboxCount(test.jobsPool)).toBe(2);
    expect((await mixed.payloads()).toSorted()).toEqual([0, 3, 4, 5]);
    await client.query("commit");
    client.release();
    await expect.poll(() => outboxCount(test.jobsPool)).toBe(0);
    expect((await mixed.payloads()).toSorted()).toEqual([0, 3, 4, 5, 6]);
  });

  it("holds up no key that shares its lock, and no other that was held for a shorter time", async () => {
    await using test = await createTestJobs({ outbox: true });
    const [held, sharing] = await keysOfOneLock(test);
    await test.jobs.enqueue(task, { n: 0 });
    const relay = test.jobs.startRelay();
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    await using long = await holdKeys(test, [held, "long"]);
    await using short = await holdKeys(test, ["short"]);
    for (const key of [held, "long", "short", sharing]) await test.jobs.enqueue(task, { n: 1 }, { key });

    await expect.poll(() => keysIn(test)).toEqual([held, "long", "short"].toSorted());
    await short.letGo();
    await expect.poll(() => keysIn(test)).toEqual([held, "long"].toSorted());
    await long.letGo();
    await expect.poll(() => keysIn(test)).toEqual([]);
    await relay.stop();
  });

  it("holds up nothing beside, however many keys it holds, and no stop of the relay", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobs.enqueue(task, { n: 0 });
    const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`);
    const relay = test.jobs.startRelay();
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    await using holder = await holdKeys(test, keys);
    for (const key of keys) await test.jobs.enqueue(task, { n: 1 }, { key });
    await test.jobs.enqueueMany(task, [{ n: 2 }, { n: 3 }]);
    await expect.poll(() => outboxCount(test.dataPool), { interval: 10 }).toBe(keys.length);

    await relay.stop();
    await holder.letGo();
    const left = await outboxCount(test.dataPool);
    await test.jobs.enqueue(task, { n: 4 });
    expect(await outboxCount(test.dataPool)).toBe(left + 1);
  });

  it("makes the relay look for its key in few tries, and keeps it from nothing else that it does", async () => {
    await using test = await createTestJobs({ outbox: true });
    // A task that is named in an open transaction would hold up all of its jobs.
    await test.jobsPool.query("select graphile_worker.add_job('t', '{}')");
    const pool = new Pool({ connectionString: test.dataUrl });
    const statements = recordStatements(pool);
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: pool } });
    await using holder = await holdKeys(test, ["key 500"]);
    await test.dataPool.query(`insert into acme_jobs.outbox (id, task, payload, key, preserve_run_at)
      select gen_random_uuid(), 't', '{"n":1}', 't:key ' || n, false from generate_series(1, 1000) as n`);

    const relay = jobs.startRelay();

    await expect.poll(() => keysIn(test)).toEqual(["key 500"]);
    const claims = statements.filter(({ text }) => text.includes("acme_jobs claim")).length;
    // Halves of halves: ten times two.
    expect(claims).toBeLessThan(40);
    await holder.letGo();
    await expect.poll(() => keysIn(test)).toEqual([]);
    await relay.stop();
    await pool.end();
  });

  it("keeps the rows of other keys waiting for a short time only while the relay looks for its key", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobsPool.query("select graphile_worker.add_job('t', '{}')");
    const jobsPool = new Pool({ connectionString: test.jobsUrl });
    const statements = recordStatements(jobsPool);
    const moveRound = createBatchMover(
      { outbox: test.dataPool, jobs: jobsPool },
      { batchSize: 100, signal: new AbortController().signal },
    );
    await using holder = await holdKeys(test, ["key 40"]);
    for (let n = 1; n <= 64; n += 1) await test.jobs.enqueue(task, { n }, { key: `key ${n}` });

    while ((await outboxCount(test.dataPool)) > 1) await moveRound();

    const waits = statements.map(({ text }) => Number(/lock_timeout = (\d+)/.exec(text)?.[1] ?? 0));
    // Halves of halves, and the key alone where it is found.
    expect(waits.reduce((sum, waitMs) => sum + waitMs, 0)).toBeLessThan(1_500);
    await holder.letGo();
    await jobsPool.end();
  });

  it("keeps the relay from none of its other duties, however many keys it holds", async () => {
    await using test = await createTestJobs({ outbox: true });
    // A task that is named in an open transaction would hold up all of its jobs.
    await test.jobsPool.query("select graphile_worker.add_job('t', '{}')");
    const pool = new Pool({ connectionString: test.dataUrl });
    const statements = recordStatements(pool);
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: pool } });
    const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`);
    await using holder = await holdKeys(test, keys);
    for (const key of keys) await test.jobs.enqueue(task, { n: 1 }, { key });

    const relay = jobs.startRelay();

    const duties = () => statements.filter(({ text }) => text.includes("pg_terminate_backend")).length;
    // Every ten seconds.
    await expect.poll(duties, { timeout: 30_000 }).toBe(2);
    await holder.letGo();
    await expect.poll(() => keysIn(test), { timeout: 30_000 }).toEqual([]);
    await relay.stop();
    await pool.end();
  });

  it("holds up no row without a key, though one new key after the other is held", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobsPool.query("select graphile_worker.add_job('t', '{}')");
    const pools = { outbox: test.dataPool, jobs: test.jobsPool };
    const moveRound = createBatchMover(pools, { batchSize: 100, signal: new AbortController().signal });

    const holders = [];
    for (const key of ["one", "two", "three"]) {
      holders.push(await holdKeys(test, [key]));
      await test.jobs.enqueue(task, { n: 1 }, { key });
      await test.jobs.enqueue(task, { n: 2 });
      expect((await moveRound()).movedCount).toBe(1);
    }
    expect(await keysIn(test)).toEqual(["one", "three", "two"]);
    for (const holder of holders) await holder.letGo();
  });

  it("is not forgotten by a relay that finds its key with another one, which waits for it", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobsPool.query("select graphile_worker.add_job('t', '{}')");
    const pools = { outbox: test.dataPool, jobs: test.jobsPool };
    const { signal } = new AbortController();
    const moveRound = createBatchMover(pools, { batchSize: 100, signal });
    const moveRoundElsewhere = createBatchMover(pools, { batchSize: 100, signal });
    await using holder = await holdKeys(test, ["held"]);
    await test.jobs.enqueue(task, { n: 1 }, { key: "held" });
    expect((await moveRound()).movedCount).toBe(0);

    const elsewhere = moveRoundElsewhere();
    await expect.poll(() => waitingCount(test), { interval: 5 }).toBe(1);
    expect((await moveRound()).movedCount).toBe(0);
    await elsewhere;

    // A relay that had forgotten it would take it along with this one, and move neither.
    await test.jobs.enqueue(task, { n: 2 }, { key: "free" });
    expect((await moveRound()).movedCount).toBe(1);
    expect(await keysIn(test)).toEqual(["held"]);
    await holder.letGo();
  });

  it("is tried again when its pause is over, however rarely the relay polls", async () => {
    await using test = await createTestJobs({ outbox: true });
    await test.jobsPool.query("select graphile_worker.add_job('t', '{}')");
    await using holder = await holdKeys(test, ["k"]);
    await test.jobs.enqueue(task, { n: 1 }, { key: "k" });
    const pool = new Pool({ connectionString: test.dataUrl });
    const statements = recordStatements(pool);
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: pool } });
    const relay = jobs.startRelay({ pollIntervalMs: 3_600_000 });
    const claims = () => statements.filter(({ text }) => text.includes("acme_jobs claim")).length;
    await expect.poll(claims).toBeGreaterThan(3);

    await holder.letGo();

    await expect.poll(() => keysIn(test)).toEqual([]);
    await relay.stop();
    await pool.end();
  });
});

describe("an outbox that comes after a worker has begun", () => {
  it("is written to by that worker's process, too: the last payload of a key counts", async () => {
    await using test = await createTestJobs();
    const log: LogLine[] = [];
    const both = { connection: test.jobsUrl, outbox: { connection: test.jobsUrl }, logger: collectInto(log) };
    await using direct = createJobs(both);
    await using enqueuer = createJobs(both);
    await direct.startWorker({ tasks: [perform(other, () => undefined)], migrate: false });
    await expect.poll(() => log.some(({ message }) => message.startsWith("relay cannot"))).toBe(true);
    const options = { key: "k", runAt: new Date("2099-01-01") };

    await enqueuer.migrateOutbox();
    await enqueuer.enqueue(task, { n: 1 }, options);
    await direct.enqueue(task, { n: 2 }, options);

    await expect.poll(() => outboxCount(test.jobsPool)).toBe(0);
    const { rows } = await test.jobsPool.query("select payload from graphile_worker._private_jobs");
    expect(rows).toEqual([{ payload: { n: 2 } }]);
  });
});

describe("rows that were written", () => {
  it("are announced after their commit and not in it, since a NOTIFY keeps other commits waiting", async () => {
    await using test = await createTestJobs({ outbox: true });
    const listener = new Client({ connectionString: test.dataUrl });
    const senders: (number | undefined)[] = [];
    listener.on("notification", ({ processId }) => senders.push(processId));
    listener.on("error", () => undefined);
    await listener.connect();
    onTestFinished(() => listener.end());
    await listener.query("listen acme_jobs_outbox");

    const tx = await test.dataPool.connect();
    const { rows } = await tx
      .query<{ pid: number }>("begin; select pg_backend_pid() as pid")
      .then((results) => (results as unknown as { rows: { pid: number }[] }[])[1]!);
    await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }], { tx });
    await tx.query("commit");
    tx.release();

    await expect.poll(() => senders.length).toBeGreaterThan(0);
    expect(senders).not.toContain(rows[0]!.pid);
  });

  it("are announced a quarter of a second after them, whatever was written before", async () => {
    await using test = await createTestJobs({ outbox: true });
    const announcer = createAnnouncer(() => test.dataPool);
    const sentAt: number[] = [];
    const listener = new Client({ connectionString: test.dataUrl });
    listener.on("notification", () => void sentAt.push(performance.now()));
    listener.on("error", () => undefined);
    await listener.connect();
    onTestFinished(() => listener.end());
    await listener.query("listen acme_jobs_outbox");
    let writtenAt = 0;

    for (let count = 0; count < 3; count += 1) {
      announcer.written();
      writtenAt = performance.now();
      await expect.poll(() => performance.now() - writtenAt, { interval: 1 }).toBeGreaterThan(100);
    }

    // A timer may be a millisecond early.
    await expect.poll(() => (sentAt.at(-1) ?? 0) - writtenAt, { interval: 5 }).toBeGreaterThan(245);
    await announcer.close();
  });

  it("in a transaction of the caller's wake a relay elsewhere long before it would look", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using elsewhere = createJobs({ connection: test.jobsUrl, outbox: { connection: test.dataUrl } });
    elsewhere.startRelay({ pollIntervalMs: 3_600_000 });
    await test.jobs.enqueue(task, { n: 1 });
    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
    const tx = await test.dataPool.connect();

    await tx.query("begin");
    await test.jobs.enqueue(task, { n: 2 }, { tx });
    await tx.query("commit");
    tx.release();

    await expect.poll(() => outboxCount(test.dataPool)).toBe(0);
  });
});

it("a relay whose batch is cut short by its bytes claims fewer rows next", async () => {
  await using test = await createTestJobs({ outbox: true });
  await test.jobsPool.query("select graphile_worker.add_job('t', '{}')");
  const outbox = new Pool({ connectionString: test.dataUrl });
  const statements = recordStatements(outbox);
  const { signal } = new AbortController();
  const moveRound = createBatchMover({ outbox, jobs: test.jobsPool }, { batchSize: 5_000, signal });
  await test.dataPool.query(`insert into acme_jobs.outbox (id, task, payload, preserve_run_at)
    select gen_random_uuid(), 't', json_build_object('n', repeat('x', 4000000)), false from generate_series(1, 12)`);

  const first = await moveRound();
  while ((await moveRound()).movedCount > 0);

  const sizes = statements.filter(({ text }) => text.includes("acme_jobs claim")).map(({ values }) => values[0]);
  expect(first.movedCount).toBeLessThan(12);
  expect(sizes.slice(0, 2)).toEqual([5_000, 2 * first.movedCount]);
  expect(await outboxCount(test.dataPool)).toBe(0);
  await outbox.end();
});

it("keyed rows of two modes in turn are added in two statements, and the last payload of each key counts", async () => {
  await using test = await createTestJobs({ outbox: true });
  const jobs = new Pool({ connectionString: test.jobsUrl });
  const statements = recordStatements(jobs);
  const { signal } = new AbortController();
  const moveRound = createBatchMover({ outbox: test.dataPool, jobs }, { batchSize: 5_000, signal });
  for (let n = 1; n <= 20; n += 1) {
    await test.jobs.enqueue(task, { n }, { key: `key ${n % 19}`, keyMode: n % 2 ? "preserveRunAt" : "replace" });
  }

  expect((await moveRound()).movedCount).toBe(20);

  expect(statements.filter(({ text }) => text.includes("graphile_worker.add_jobs")).length).toBe(2);
  const { rows } = await jobs.query<{ n: number }>(
    "select (payload ->> 'n')::int as n from graphile_worker._private_jobs where key is not null order by n",
  );
  // The first and the last have one key.
  expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 19 }, (_, index) => index + 2));
  await jobs.end();
});

it("a relay that waits for the commits of others takes no key for held", async () => {
  // A COMMIT with a notification keeps a lock until a standby has it, and there is none.
  await using server = await startServer({ databases: ["jobs"], settings: { synchronous_standby_names: "nobody" } });
  const url = new URL(server.url("jobs"));
  url.searchParams.set("options", "-c synchronous_commit=local");
  await using test = createJobs({ connection: url.href, outbox: { connection: url.href } });
  await test.migrate();
  const pool = new Pool({ connectionString: url.href });
  await pool.query("select graphile_worker.add_job('t', '{}')");
  await pool.query(`insert into acme_jobs.outbox (id, task, payload, key, preserve_run_at)
    values (gen_random_uuid(), 't', '{"n":1}', 't:free', false)`);
  const committing = new Client({ connectionString: server.url("jobs"), application_name: "committing" });
  await committing.connect();
  const committed = committing.query("create table stalls (); notify somebody");
  const stands = "select from pg_stat_activity where application_name = 'committing' and wait_event = 'SyncRep'";
  await expect.poll(async () => (await pool.query(stands)).rowCount).toBe(1);

  const { signal } = new AbortController();
  const moving = createBatchMover({ outbox: pool, jobs: pool }, { batchSize: 100, signal })();
  // Longer than a relay waits for a key.
  const waits = `select from pg_stat_activity where wait_event_type = 'Lock' and wait_event = 'object'
    and clock_timestamp() - query_start > '1s'`;
  await expect.poll(async () => (await pool.query(waits)).rowCount).toBe(1);
  await pool.query("select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'committing'");

  expect((await moving).movedCount).toBe(1);
  await committed;
  await committing.end();
  await pool.end();
});

/** Two keys that share one of the locks by which relays take turns. */
async function keysOfOneLock(test: TestJobs): Promise<[string, string]> {
  const { rows } = await test.dataPool.query<{ one: string; other: string }>(
    `select 'a' as one, other from (select 'other ' || n as other from generate_series(1, 10000) as n) as others
     where hashtextextended('t:' || other, 0) & 511 = hashtextextended('t:a', 0) & 511 limit 1`,
  );
  return [rows[0]!.one, rows[0]!.other];
}

/** A transaction of somebody else, who adds jobs with these keys. */
async function holdKeys(test: TestJobs, keys: readonly string[]) {
  const client = await test.jobsPool.connect();
  await client.query("begin");
  for (const key of keys) await client.query("select graphile_worker.add_job('t', '{}', job_key => $1)", [`t:${key}`]);
  let isHeld = true;
  const letGo = async () => {
    if (!isHeld) return;
    isHeld = false;
    await client.query("rollback");
    client.release();
  };
  return { letGo, [Symbol.asyncDispose]: letGo };
}

/** How many sessions of the jobs database wait for somebody's lock. */
async function waitingCount(test: TestJobs): Promise<number> {
  const waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  return (await test.jobsPool.query(waiting)).rowCount ?? 0;
}

async function keysIn(test: TestJobs): Promise<string[]> {
  const { rows } = await test.dataPool.query<{ key: string }>("select key from acme_jobs.outbox where key is not null");
  return rows.map(({ key }) => key.slice("t:".length)).toSorted();
}
