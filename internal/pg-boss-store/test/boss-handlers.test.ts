import { createEventBus, createUnitOfWork, defineEvent, props } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createTestDatabase } from "@acme/test-postgres";
import type { PoolClient } from "pg";
import { type Job, PgBoss } from "pg-boss";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createBossDurable } from "../src/boss-handlers.ts";

class OrderPlaced extends defineEvent("order.placed", props<{ orderId: number }>()) {}

describe("a durable handler over pg-boss", () => {
  const resources = new AsyncDisposableStack();
  const bus = createEventBus<PoolClient>();
  let scene: Awaited<ReturnType<typeof createScene>>;

  async function createScene() {
    const database = resources.use(await createTestDatabase());
    const pool = database.pool();
    await pool.query("create table orders (id int primary key)");
    const boss = new PgBoss({ connectionString: database.url, supervise: false, schedule: false });
    boss.on("error", () => {});
    resources.defer(() => boss.stop({ graceful: false }));
    await boss.start();
    for (const queue of ["receipts", "stock"]) await boss.createQueue(queue);
    const unitOfWork = createUnitOfWork(pgTransactions(pool), { bus });
    const place = (orderId: number) =>
      unitOfWork.run(async ({ tx, record }) => {
        record(new OrderPlaced({ orderId }));
        await tx.query("insert into orders values ($1)", [orderId]);
      });
    const jobs = async () =>
      (await pool.query("select name, data, priority from pgboss.job order by (data->>'orderId')::int, name")).rows;
    return { pool, boss, unitOfWork, place, jobs };
  }

  beforeAll(async () => {
    scene = await createScene();
  });
  afterAll(() => resources.disposeAsync());
  beforeEach(async () => {
    bus.clearHandlers();
    await scene.pool.query("truncate orders; delete from pgboss.job");
    const durable = createBossDurable(scene.boss);
    bus.register(
      OrderPlaced,
      durable("receipts", ({ orderId }) => ({ orderId })),
    );
    bus.register(
      OrderPlaced,
      durable("stock", ({ orderId }) => ({ orderId }), { priority: 5 }),
    );
  });

  it("writes its jobs in the transaction, and pg-boss runs them", async () => {
    await scene.place(1);

    expect(await scene.jobs()).toEqual([
      { name: "receipts", data: { orderId: 1 }, priority: 0 },
      { name: "stock", data: { orderId: 1 }, priority: 5 },
    ]);
    const ran: unknown[] = [];
    await scene.boss.work("receipts", { pollingIntervalSeconds: 0.5 }, async (jobs: Job<object>[]) => {
      for (const { data } of jobs) ran.push(data);
    });
    await expect.poll(() => ran).toEqual([{ orderId: 1 }]);
    await scene.boss.offWork("receipts");
  });

  it("writes none if the unit rolls back, even at its last statement", async () => {
    await scene.place(1);

    await expect(scene.place(1)).rejects.toMatchObject({ code: "23505" });

    expect(await scene.jobs()).toHaveLength(2);
  });

  it("writes none for events of a savepoint that was rolled back", async () => {
    await scene.unitOfWork.run(async ({ record, savepoint }) => {
      record(new OrderPlaced({ orderId: 1 }));
      await savepoint(async (inner) => {
        inner.record(new OrderPlaced({ orderId: 2 }));
        throw new Error("undo");
      }).catch(() => undefined);
    });

    expect((await scene.jobs()).map(({ data }) => data.orderId)).toEqual([1, 1]);
  });

  it("rolls the data back if a job cannot be written", async () => {
    const durable = createBossDurable(scene.boss);
    bus.register(
      OrderPlaced,
      durable("no-such-queue", () => ({})),
    );

    await expect(scene.place(1)).rejects.toThrow("no-such-queue");

    expect((await scene.pool.query("select from orders")).rowCount).toBe(0);
    expect(await scene.jobs()).toEqual([]);
  });

  it("writes at once for an event that is published without a unit", async () => {
    await bus.publish(new OrderPlaced({ orderId: 3 }));

    expect(await scene.jobs()).toHaveLength(2);
  });

  it("writes the jobs of many events in one statement per queue", async () => {
    const insert = vi.spyOn(scene.boss, "insert");

    await scene.unitOfWork.run(({ record }) => {
      for (let orderId = 0; orderId < 50; orderId += 1) record(new OrderPlaced({ orderId }));
    });

    expect(await scene.jobs()).toHaveLength(100);
    expect(insert).toHaveBeenCalledTimes(2);
  });
});
