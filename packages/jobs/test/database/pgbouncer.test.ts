import {
  createEventBus,
  createUnitOfWork,
  defineEvent,
  props,
  TransactionAbortedError,
  type TransactionAdapter,
} from "@acme/domain-events";
import { knexTransactions } from "@acme/domain-events/knex";
import { pgTransactions } from "@acme/domain-events/pg";
import { startProxy } from "@acme/test-postgres";
import knexFactory from "knex";
import { Pool, type PoolClient } from "pg";
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { pgBouncerProgram, sharedSessionCount, startPgBouncer } from "../support/pgbouncer.ts";
import { createTestJobs, outboxCount, storedJobs, type TestJobs } from "../support/test-jobs.ts";
import { createJobs, defineTask, type Jobs, perform, type TransactionHandle } from "../../src/index.ts";
import { drain } from "../../src/testing/index.ts";

class OrderPlaced extends defineEvent("order.placed", props<{ orderId: number }>()) {}
const sendReceipt = defineTask("send_receipt", { payload: z.object({ orderId: z.number() }) });

/** More clients than sessions. */
const clientCount = 6;
const orderIds = Array.from({ length: 4 * clientCount }, (_, index) => index + 1);

interface Connected {
  readonly adapter: TransactionAdapter<TransactionHandle>;
  query(tx: TransactionHandle, text: string): Promise<Record<string, unknown>[]>;
  end(): Promise<void>;
}

function connectKnex(connectionString: string): Connected {
  const knex = knexFactory({
    client: "pg",
    connection: { connectionString },
    pool: { min: 0, max: clientCount },
    // Lost connections are what some of these tests are about.
    log: { warn() {}, error() {}, debug() {}, deprecate() {} },
  });
  return {
    adapter: knexTransactions(knex),
    query: async (tx, text) => ((await (tx as knexFactory.Knex).raw(text)) as { rows: Record<string, unknown>[] }).rows,
    end: () => knex.destroy(),
  };
}

function connectPg(connectionString: string): Connected {
  const pool = new Pool({ connectionString, max: clientCount });
  pool.on("error", () => {});
  return {
    adapter: pgTransactions(pool),
    query: async (tx, text) => (await (tx as PoolClient).query<Record<string, unknown>>(text)).rows,
    end: () => pool.end(),
  };
}

interface Shop extends AsyncDisposable {
  readonly unitOfWork: ReturnType<typeof createUnitOfWork<TransactionHandle>>;
  /** Enqueues through PgBouncer, with its handler for the event registered. */
  readonly jobs: Jobs;
  /** The orders whose event the afterCommit handler has seen. */
  readonly handled: number[];
  insert(tx: TransactionHandle, orderId: number): Promise<unknown>;
  query: Connected["query"];
}

async function openShop(test: TestJobs, url: string, connect: typeof connectPg, hasOutbox = false): Promise<Shop> {
  await test.dataPool.query("create table orders (id int primary key)");
  const connected = connect(url);
  // An app with an outbox enqueues without ever meeting the jobs database.
  const jobs = createJobs(hasOutbox ? { outbox: { connection: url } } : { connection: url });
  const bus = createEventBus<TransactionHandle>();
  const handled: number[] = [];
  bus.register(OrderPlaced, ({ orderId }) => handled.push(orderId));
  bus.register(
    OrderPlaced,
    jobs.durable(sendReceipt, ({ orderId }) => ({ orderId })),
  );
  return {
    unitOfWork: createUnitOfWork(connected.adapter, { bus }),
    jobs,
    handled,
    insert: (tx, orderId) => connected.query(tx, `insert into orders values (${orderId})`),
    query: connected.query,
    async [Symbol.asyncDispose]() {
      await connected.end();
      await jobs.close();
    },
  };
}

async function storedOrders(test: TestJobs): Promise<number[]> {
  const { rows } = await test.dataPool.query<{ id: number }>("select id from orders order by id");
  return rows.map(({ id }) => id);
}

/** The orders for which jobs were written, in order of their id. */
async function runJobs(test: TestJobs): Promise<number[]> {
  const seen: number[] = [];
  await drain(test.jobs, { tasks: [perform(sendReceipt, ({ orderId }) => void seen.push(orderId))] });
  return seen.toSorted((a, b) => a - b);
}

beforeEach(({ skip }) => {
  skip(pgBouncerProgram === undefined, "PgBouncer is not installed; on Debian: apt-get install pgbouncer");
});

const drivers = [
  ["knex", connectKnex],
  ["pg", connectPg],
] as const;

const places = drivers.flatMap(([driver, connect]) => [
  { driver, connect, place: "beside the data", hasOutbox: false },
  { driver, connect, place: "in another database", hasOutbox: true },
]);

describe("PgBouncer in transaction mode, as these tests run it", () => {
  it("gives one client another session for its next transaction", async () => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.dataUrl);
    const pool = new Pool({ connectionString: bouncer.url, max: 1 });
    const other = new Pool({ connectionString: bouncer.url, max: 1 });
    const pid = "select pg_backend_pid() as pid";
    // Both transactions are open at once, so that PgBouncer needs both sessions.
    const [client, second] = await Promise.all([pool.connect(), other.connect()]);
    await Promise.all([client.query("begin"), second.query("begin")]);
    await Promise.all([client.query("commit"), second.query("commit")]);

    const { rows: first } = await client.query(pid);
    const { rows: next } = await client.query(pid);

    expect(next).not.toEqual(first);
    client.release();
    second.release();
    await Promise.all([pool.end(), other.end()]);
  });
});

describe.each(drivers)("%s units of work through PgBouncer in transaction mode", (_, connect) => {
  it("commit and publish only their own events, although all share two sessions", async () => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using shop = await openShop(test, bouncer.url, connect);
    const sessions = new Set<unknown>();

    const placed = orderIds.map((orderId) =>
      shop.unitOfWork.run(async ({ tx, record }) => {
        const [session] = await shop.query(tx, "select pg_backend_pid() as pid");
        sessions.add(session?.["pid"]);
        await shop.insert(tx, orderId);
        record(new OrderPlaced({ orderId }));
        return orderId;
      }),
    );

    expect(await Promise.all(placed)).toEqual(orderIds);
    expect(sessions.size).toBe(sharedSessionCount);
    expect(shop.handled.toSorted((a, b) => a - b)).toEqual(orderIds);
    expect(await storedOrders(test)).toEqual(orderIds);
    expect(await runJobs(test)).toEqual(orderIds);
  });

  it.each([
    ["with an event", true],
    ["without one", false],
  ])("reject when PostgreSQL has aborted the transaction behind a swallowed error, %s", async (__, hasEvent) => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using shop = await openShop(test, bouncer.url, connect);

    const running = shop.unitOfWork.run(async ({ tx, record }) => {
      await shop.insert(tx, 1);
      if (hasEvent) record(new OrderPlaced({ orderId: 1 }));
      await shop.query(tx, "select no_such_column").catch(() => undefined);
    });

    await expect(running).rejects.toBeInstanceOf(TransactionAbortedError);
    expect([shop.handled, await storedOrders(test), await runJobs(test)]).toEqual([[], [], []]);
  });

  it("keep a rolled-back savepoint's events and jobs out of a committed unit", async () => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using shop = await openShop(test, bouncer.url, connect);

    await shop.unitOfWork.run(async ({ tx, record, savepoint }) => {
      await shop.insert(tx, 1);
      record(new OrderPlaced({ orderId: 1 }));
      await savepoint(async (inner) => {
        await shop.insert(inner.tx, 2);
        inner.record(new OrderPlaced({ orderId: 2 }));
        throw new Error("undo");
      }).catch(() => undefined);
    });

    expect([shop.handled, await storedOrders(test), await runJobs(test)]).toEqual([[1], [1], [1]]);
  });

  it("run again after a serialization failure, so that each has counted", async () => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using shop = await openShop(test, bouncer.url, connect);
    await test.dataPool.query("create table counter as select 0 as value");
    const bothHaveRead = Promise.withResolvers<void>();
    let runCount = 0;
    const count = () =>
      shop.unitOfWork.run(
        async ({ tx }) => {
          const [counter] = await shop.query(tx, "select value from counter");
          runCount += 1;
          if (runCount === 2) bothHaveRead.resolve();
          await bothHaveRead.promise;
          await shop.query(tx, `update counter set value = ${Number(counter?.["value"]) + 1}`);
        },
        { isolation: "repeatable read" },
      );

    await Promise.all([count(), count()]);

    const { rows } = await test.dataPool.query("select value from counter");
    expect(rows).toEqual([{ value: 2 }]);
    expect(runCount).toBe(3);
  });

  it("run once for a key that all of them use", async () => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using shop = await openShop(test, bouncer.url, connect);
    await shop.unitOfWork.migrate();

    const runs = orderIds.map((orderId) => shop.unitOfWork.runOnce("the key", ({ tx }) => shop.insert(tx, orderId)));
    const ran = (await Promise.all(runs)).filter((run) => run.ran);

    expect(ran).toHaveLength(1);
    expect(await storedOrders(test)).toHaveLength(1);
  });
});

describe.each(drivers)("a COMMIT of %s through PgBouncer", (_, connect) => {
  async function place(shop: Shop): Promise<string> {
    return shop.unitOfWork.run(async ({ tx, record }) => {
      await shop.insert(tx, 1);
      record(new OrderPlaced({ orderId: 1 }));
      return "placed";
    });
  }

  it("is known to have succeeded when PgBouncer's reply to it is lost", async () => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using proxy = await startProxy(bouncer.url);
    await using shop = await openShop(test, proxy.url, connect);
    const dropped = proxy.dropCommitReply();

    await expect(place(shop)).resolves.toBe("placed");

    await dropped;
    expect([shop.handled, await storedOrders(test), await runJobs(test)]).toEqual([[1], [1], [1]]);
  });

  it("is known to have succeeded when PgBouncer loses the server's reply to it", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.dataUrl);
    await using bouncer = await startPgBouncer(proxy.url);
    await using shop = await openShop(test, bouncer.url, connect);
    const dropped = proxy.dropCommitReply();

    await expect(place(shop)).resolves.toBe("placed");

    await dropped;
    expect([shop.handled, await storedOrders(test), await runJobs(test)]).toEqual([[1], [1], [1]]);
  });

  it("is known to have failed when the connection to PgBouncer is lost before it", async () => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using proxy = await startProxy(bouncer.url);
    await using shop = await openShop(test, proxy.url, connect);
    const cut = proxy.cutBeforeCommit();

    await expect(place(shop)).rejects.toThrow("Connection terminated");

    await cut;
    expect([shop.handled, await storedOrders(test), await runJobs(test)]).toEqual([[], [], []]);
  });

  it("is known to have failed when PgBouncer loses the server before it", async () => {
    await using test = await createTestJobs();
    await using proxy = await startProxy(test.dataUrl);
    await using bouncer = await startPgBouncer(proxy.url);
    await using shop = await openShop(test, bouncer.url, connect);
    const cut = proxy.cutBeforeCommit();

    await expect(place(shop)).rejects.toThrow("server conn crashed");

    await cut;
    expect([shop.handled, await storedOrders(test), await runJobs(test)]).toEqual([[], [], []]);
  });
});

describe.each(places)("jobs $place, enqueued by $driver through PgBouncer", ({ connect, hasOutbox }) => {
  const waitingCount = async (test: TestJobs) =>
    hasOutbox ? outboxCount(test.dataPool) : (await storedJobs(test.jobsPool)).length;

  it("exist if and only if the transaction that enqueued them has committed", async () => {
    await using test = await createTestJobs({ outbox: hasOutbox });
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using shop = await openShop(test, bouncer.url, connect, hasOutbox);

    const runs = orderIds.map((orderId) =>
      shop.unitOfWork.run(async ({ tx }) => {
        await shop.jobs.enqueue(sendReceipt, { orderId }, { tx });
        if (orderId % 2 === 0) throw new Error("undo");
      }),
    );
    await Promise.allSettled(runs);

    const odd = orderIds.filter((orderId) => orderId % 2 === 1);
    expect(await waitingCount(test)).toBe(odd.length);
    expect(await runJobs(test)).toEqual(odd);
  });

  it("follow from events of the units that have committed, and of no other", async () => {
    await using test = await createTestJobs({ outbox: hasOutbox });
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using shop = await openShop(test, bouncer.url, connect, hasOutbox);

    const runs = orderIds.map((orderId) =>
      shop.unitOfWork.run(({ record }) => {
        record(new OrderPlaced({ orderId }));
        if (orderId % 2 === 0) throw new Error("undo");
      }),
    );
    await Promise.allSettled(runs);

    const odd = orderIds.filter((orderId) => orderId % 2 === 1);
    expect(await waitingCount(test)).toBe(odd.length);
    expect(await runJobs(test)).toEqual(odd);
  });
});

describe.each([
  ["beside the data", false],
  ["in another database", true],
])("jobs %s", (_, hasOutbox) => {
  it("exist once enqueue has resolved, also without a transaction, through PgBouncer", async () => {
    await using test = await createTestJobs({ outbox: hasOutbox });
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using shop = await openShop(test, bouncer.url, connectPg, hasOutbox);

    await Promise.all(orderIds.map((orderId) => shop.jobs.enqueue(sendReceipt, { orderId })));

    expect(await runJobs(test)).toEqual(orderIds);
  });
});

describe("jobs and outbox in one database, one of them through PgBouncer", () => {
  it("are known to be in one, so that jobs need no relay", async () => {
    await using test = await createTestJobs();
    await using bouncer = await startPgBouncer(test.dataUrl);
    await using jobs = createJobs({ connection: test.jobsUrl, outbox: { connection: bouncer.url } });
    await jobs.migrate();

    await jobs.enqueue(sendReceipt, { orderId: 1 });

    expect(await outboxCount(test.dataPool)).toBe(0);
    expect(await storedJobs(test.jobsPool)).toHaveLength(1);
  });
});
