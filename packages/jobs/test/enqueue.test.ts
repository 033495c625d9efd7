import { createEventBus, createUnitOfWork } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { startProxy } from "@acme/test-postgres";
import knexFactory from "knex";
import { Pool } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { collectInto, createTestJobs, outboxCount, storedJobs, type TestJobs } from "./support/test-jobs.ts";
import { createJobs, defineTask } from "../src/index.ts";

const task = defineTask("send_receipt", { payload: z.object({ n: z.number() }) });
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const countOf = (test: TestJobs, outbox: boolean) =>
  outbox ? outboxCount(test.dataPool) : storedJobs(test.jobsPool).then((jobs) => jobs.length);

describe.each([
  ["beside the data", false],
  ["in another database", true],
])("enqueue with jobs %s", (_, outbox) => {
  it("adds a job and returns a UUIDv7", async () => {
    await using test = await createTestJobs({ outbox });

    expect(await test.jobs.enqueue(task, { n: 1 })).toMatch(uuidV7);

    expect(await countOf(test, outbox)).toBe(1);
  });

  it("adds nothing when the pg transaction rolls back", async () => {
    await using test = await createTestJobs({ outbox });
    const client = await test.dataPool.connect();
    await client.query("begin");

    await test.jobs.enqueue(task, { n: 1 }, { tx: client });
    await client.query("rollback");

    client.release();
    expect(await countOf(test, outbox)).toBe(0);
  });

  it("adds the job with the pg transaction's commit, not before", async () => {
    await using test = await createTestJobs({ outbox });
    const client = await test.dataPool.connect();
    await client.query("begin");

    await test.jobs.enqueue(task, { n: 1 }, { tx: client });
    const before = await countOf(test, outbox);
    await client.query("commit");

    client.release();
    expect([before, await countOf(test, outbox)]).toEqual([0, 1]);
  });

  it("keeps to knex transactions and their savepoints", async () => {
    await using test = await createTestJobs({ outbox });
    const knex = knexFactory({ client: "pg", connection: test.dataUrl, pool: { min: 0, max: 1 } });

    await knex.transaction(async (tx) => {
      await test.jobs.enqueue(task, { n: 1 }, { tx });
      await tx
        .transaction(async (savepoint) => {
          await test.jobs.enqueue(task, { n: 2 }, { tx: savepoint });
          throw new Error("undo");
        })
        .catch(() => undefined);
    });

    await knex.destroy();
    expect(await countOf(test, outbox)).toBe(1);
  });

  it("adds many in one statement, in order, all or none", async () => {
    await using test = await createTestJobs({ outbox });
    const statements: string[] = [];
    const tx = {
      query: (text: string, values: unknown[]) => {
        // Its answer is looked at once, before anything is written.
        if (text !== "select 1 as one") statements.push(text);
        return test.dataPool.query(text, values);
      },
    };

    const ids = await test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }, { n: 3 }], { tx });
    const refused = test.jobs.enqueueMany(task, [{ n: 4 }, { n: "five" as never }], { tx });

    await expect(refused).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
    expect([new Set(ids).size, statements.length, await countOf(test, outbox)]).toEqual([3, 1, 3]);
  });
});

describe("enqueue", () => {
  it("replaces a waiting job with the same key and task, keeping one job", async () => {
    await using test = await createTestJobs();
    const other = defineTask("other", { payload: z.object({ n: z.number() }) });

    await test.jobs.enqueue(task, { n: 1 }, { key: "a" });
    await test.jobs.enqueue(task, { n: 2 }, { key: "a" });
    await test.jobs.enqueue(other, { n: 3 }, { key: "a" });

    const { rows } = await test.jobsPool.query("select payload from graphile_worker._private_jobs order by id");
    expect(rows.map((row) => row.payload.n)).toEqual([2, 3]);
  });

  it("keeps the first runAt with preserveRunAt", async () => {
    await using test = await createTestJobs();
    const first = new Date(Date.now() + 60_000);
    const second = new Date(Date.now() + 120_000);

    await test.jobs.enqueue(task, { n: 1 }, { key: "a", keyMode: "preserveRunAt", runAt: first });
    await test.jobs.enqueue(task, { n: 2 }, { key: "a", keyMode: "preserveRunAt", runAt: second });

    const { rows } = await test.jobsPool.query("select run_at from graphile_worker.jobs");
    expect(rows).toEqual([{ run_at: first }]);
  });

  it.each([
    ["a runAt that is no date", { runAt: new Date(Number.NaN) }],
    ["an empty key", { key: "" }],
    ["a key with NUL", { key: "a\0" }],
    ["a keyMode without a key", { keyMode: "replace" as const }],
    ["a queue name too long", { queue: "q".repeat(129) }],
    ["a priority out of range", { priority: 40_000 }],
  ])("refuses %s", async (_, options) => {
    await using test = await createTestJobs();

    await expect(test.jobs.enqueue(task, { n: 1 }, options)).rejects.toMatchObject({ code: "ENQUEUE_INVALID" });
  });

  it.each([false, true])(
    "takes a knex transaction whose instance unwraps answers; through an outbox: %s",
    async (outbox) => {
      await using test = await createTestJobs({ outbox });
      const postProcessResponse = (answer: { rows?: unknown }) => answer.rows ?? answer;
      const knex = knexFactory({
        client: "pg",
        connection: test.dataUrl,
        postProcessResponse,
        pool: { min: 0, max: 1 },
      });

      await knex.transaction(async (tx) => {
        await test.jobs.enqueue(task, { n: 1 }, { tx });
        await test.jobs.enqueue(task, { n: 2 }, { tx, key: "k" });
      });
      await knex.destroy();

      expect(outbox ? await outboxCount(test.dataPool) : (await storedJobs(test.jobsPool)).length).toBe(2);
    },
  );

  it("refuses a key that is too long behind the name of its task, before anything is sent", async () => {
    await using test = await createTestJobs();
    const long = defineTask("%".repeat(100), { payload: z.object({ n: z.number() }) });

    await expect(test.jobs.enqueue(long, { n: 1 }, { key: "k".repeat(212) })).rejects.toMatchObject({
      code: "ENQUEUE_INVALID",
    });
    await expect(test.jobs.enqueue(long, { n: 1 }, { key: "k".repeat(211) })).resolves.toBeTypeOf("string");
  });

  it("refuses one key for several jobs, of which only the last would be left", async () => {
    await using test = await createTestJobs();

    await expect(test.jobs.enqueueMany(task, [{ n: 1 }, { n: 2 }], { key: "a" })).rejects.toMatchObject({
      code: "ENQUEUE_INVALID",
    });
    await expect(test.jobs.enqueueMany(task, [{ n: 1 }], { key: "a" })).resolves.toHaveLength(1);
  });

  it("refuses an array with a key, which Graphile Worker would join with the waiting one", async () => {
    await using test = await createTestJobs();
    const list = defineTask("list", { payload: z.array(z.number()) });

    await expect(test.jobs.enqueue(list, [1], { key: "a" })).rejects.toMatchObject({ code: "ENQUEUE_INVALID" });
  });

  it("refuses a value that is not a task or not a transaction", async () => {
    await using test = await createTestJobs();

    await expect(test.jobs.enqueue("send_receipt" as never, { n: 1 } as never)).rejects.toMatchObject({
      code: "TASK_UNKNOWN",
    });
    await expect(test.jobs.enqueue(task, { n: 1 }, { tx: {} as never })).rejects.toMatchObject({
      code: "TRANSACTION_INVALID",
    });
  });

  it.each<[what: string, tx: (test: TestJobs) => unknown]>([
    ["a pool", ({ dataPool }) => dataPool],
    ["a knex instance", ({ dataUrl }) => knexFactory({ client: "pg", connection: dataUrl })],
    ["nothing, by a variable that was to hold it", () => undefined],
    [
      "a client that has begun no transaction",
      async ({ dataPool }) => {
        const client = await dataPool.connect();
        await client.query("select 1");
        client.release();
        return client;
      },
    ],
    [
      "a client whose transaction has ended",
      async ({ dataPool }) => {
        const client = await dataPool.connect();
        await client.query("begin");
        await client.query("rollback");
        client.release();
        return client;
      },
    ],
  ])("refuses a tx that would let the job stay when everything is rolled back: %s", async (_, tx) => {
    await using test = await createTestJobs();

    await expect(test.jobs.enqueue(task, { n: 1 }, { tx: (await tx(test)) as never })).rejects.toMatchObject({
      code: "TRANSACTION_INVALID",
    });
    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });

  it("refuses a tx whose query() answers with bare rows, as that of an ORM, before anything is written", async () => {
    await using test = await createTestJobs();
    const client = await test.dataPool.connect();
    await client.query("begin");
    const manager = { query: async (text: string, values: unknown[]) => (await client.query(text, values)).rows };

    const enqueued = test.jobs.enqueue(task, { n: 1 }, { tx: manager as never });

    await expect(enqueued).rejects.toMatchObject({ code: "TRANSACTION_INVALID" });
    await client.query("commit");
    client.release();
    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });

  it("asks an object with query(text, values) once, and a client never", async () => {
    await using test = await createTestJobs();
    const client = await test.dataPool.connect();
    await client.query("begin");
    const texts: string[] = [];
    const { query } = client;
    const tx = {
      query(text: string, values: unknown[]) {
        texts.push(text);
        return client.query(text, values);
      },
    };

    for (const n of [1, 2]) await test.jobs.enqueue(task, { n }, { tx });
    expect(texts.filter((text) => text === "select 1 as one")).toHaveLength(1);
    client.query = ((...args: unknown[]) => {
      texts.push(String(args[0]));
      return Reflect.apply(query, client, args) as unknown;
    }) as typeof query;
    await test.jobs.enqueue(task, { n: 3 }, { tx: client });
    await Reflect.apply(query, client, ["commit"]);
    client.query = query;
    client.release();

    expect(texts.filter((text) => text === "select 1 as one")).toHaveLength(1);
    expect(await storedJobs(test.jobsPool)).toHaveLength(3);
  });

  it("takes the context of a unit of work as the transaction, whatever its data layer", async () => {
    await using test = await createTestJobs();
    const layer = pgTransactions(test.dataPool, { tx: () => "no transaction at all" });
    const unitOfWork = createUnitOfWork(layer, { bus: createEventBus() });

    const failing = unitOfWork.run(async (unit) => {
      await test.jobs.enqueue(task, { n: 1 }, { tx: unit });
      throw new Error("boom");
    });
    await expect(failing).rejects.toThrow("boom");
    await unitOfWork.run((unit) => test.jobs.enqueue(task, { n: 2 }, { tx: unit }));

    expect(await storedJobs(test.jobsPool)).toHaveLength(1);
  });

  it("says what to do if the tables are missing", async () => {
    await using test = await createTestJobs({ outbox: true });
    const withoutTables = createJobs({ connection: test.dataUrl });

    await expect(withoutTables.enqueue(task, { n: 1 })).rejects.toThrow(/jobs\.migrate\(\)/);

    await withoutTables.close();
  });
});

describe("enqueue while the jobs database is gone", () => {
  it("says so, without an outbox and a transaction", async () => {
    await using jobs = createJobs({ connection: "postgres://nobody:nothing@127.0.0.1:1/none" });

    await expect(jobs.enqueue(task, { n: 1 })).rejects.toMatchObject({ code: "JOBS_DATABASE_UNREACHABLE" });
  });
});

describe("jobs without a connection", () => {
  it("write to the outbox, and say for everything else that a connection is missing", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using jobs = createJobs({ outbox: { connection: test.dataUrl } });

    await jobs.enqueue(task, { n: 1 });

    expect(await outboxCount(test.dataPool)).toBe(1);
    expect(await jobs.health()).toMatchObject({ jobsDatabase: undefined, outbox: { pendingCount: 1 } });
    await expect(jobs.migrate()).rejects.toMatchObject({ code: "CONNECTION_MISSING" });
  });

  it("are refused without an outbox", () => {
    expect(() => createJobs({})).toThrow(expect.objectContaining({ code: "CONNECTION_MISSING" }) as Error);
  });
});

describe("migrate", () => {
  it("says which settings to look at when the jobs database refuses", async () => {
    await using test = await createTestJobs();
    const url = new URL(test.jobsUrl);
    url.pathname = "/there_is_no_such_database";
    await using jobs = createJobs({ connection: url.href });

    await expect(jobs.migrate()).rejects.toMatchObject({ code: "JOBS_DATABASE_REFUSED" });
  });
});

describe("close", () => {
  it("can be called twice", async () => {
    await using test = await createTestJobs();

    await expect(Promise.all([test.jobs.close(), test.jobs.close()])).resolves.toBeDefined();
    await expect(test.jobs.enqueue(task, { n: 1 })).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("createJobs", () => {
  it.each(["", "localhost:5432", "http://example.org/db", "postgres//x"])(
    "refuses %j as a connection",
    (connection) => {
      expect(() => createJobs({ connection })).toThrow(
        expect.objectContaining({ code: "CONNECTION_INVALID" }) as Error,
      );
    },
  );

  it("never shows the connection string in an error", () => {
    expect(() => createJobs({ connection: "pg://user:hunter2@host/db" })).not.toThrow(/hunter2/);
  });
});

describe("a connection that a caller's pool has opened before", () => {
  it("may be lost in the middle of a statement: enqueue() rejects, and the process goes on", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.jobsUrl);
    const pool = new Pool({ connectionString: proxy.url, connectionTimeoutMillis: 5_000 });
    onTestFinished(() => pool.end());
    pool.on("error", () => undefined);
    await pool.query("select 1");
    await using jobs = createJobs({ connection: pool, logger: collectInto([]) });
    const holder = await test.jobsPool.connect();
    await holder.query("begin; lock table graphile_worker._private_jobs in access exclusive mode");

    const adding = jobs.enqueue(task, { n: 1 });
    const waiting = "select from pg_locks where not granted";
    await expect.poll(async () => (await holder.query(waiting)).rowCount).toBeGreaterThan(0);
    proxy.cutAll();

    await expect(adding).rejects.toMatchObject({ code: "JOBS_DATABASE_UNREACHABLE" });
    await holder.query("rollback");
    holder.release();
  });
});
