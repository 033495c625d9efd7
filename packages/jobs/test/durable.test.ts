import { createEventBus, createUnitOfWork, defineEvent, props } from "@acme/domain-events";
import { knexTransactions } from "@acme/domain-events/knex";
import { pgTransactions } from "@acme/domain-events/pg";
import knexFactory, { type Knex } from "knex";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestJobs, outboxCount, storedJobs, type TestJobs } from "./support/test-jobs.ts";
import { createJobs, defineTask, perform, retry } from "../src/index.ts";
import { drain } from "../src/testing/index.ts";

class OrderPlaced extends defineEvent("order.placed", props<{ orderId: number }>()) {}
const task = defineTask("send_receipt", {
  payload: z.object({ orderId: z.number() }),
  retry: retry.fixed({ attempts: 3, delayMs: 0 }),
});

const written = async (test: TestJobs, outbox: boolean) =>
  outbox ? outboxCount(test.dataPool) : (await storedJobs(test.jobsPool)).length;

describe.each([
  ["beside the data", false],
  ["in another database", true],
])("a durable handler with jobs %s", (_, outbox) => {
  async function place(test: TestJobs, { fail = false } = {}) {
    const bus = createEventBus<Knex.Transaction>();
    bus.register(
      OrderPlaced,
      test.jobs.durable(task, (event) => ({ orderId: event.orderId })),
    );
    const knex = knexFactory({ client: "pg", connection: test.dataUrl, pool: { min: 0, max: 1 } });
    const unitOfWork = createUnitOfWork(knexTransactions(knex), { bus });
    const run = unitOfWork.run(async ({ record }) => {
      record(new OrderPlaced({ orderId: 7 }));
      if (fail) throw new Error("undo");
    });
    try {
      await run;
    } finally {
      await knex.destroy();
    }
  }

  it("has its job when the unit has committed", async () => {
    await using test = await createTestJobs({ outbox });
    const seen: number[] = [];

    await place(test);

    expect(await written(test, outbox)).toBe(1);
    await drain(test.jobs, { tasks: [perform(task, ({ orderId }) => void seen.push(orderId))] });
    expect(seen).toEqual([7]);
  });

  it("has none when the unit rolled back", async () => {
    await using test = await createTestJobs({ outbox });

    await expect(place(test, { fail: true })).rejects.toThrow("undo");

    expect(await written(test, outbox)).toBe(0);
  });

  it("costs a unit one statement however many events and handlers there are, the transaction id included", async () => {
    await using test = await createTestJobs({ outbox });
    const bus = createEventBus();
    bus.register(
      OrderPlaced,
      test.jobs.durable(task, ({ orderId }) => ({ orderId })),
    );
    bus.register(
      OrderPlaced,
      test.jobs.durable(task, ({ orderId }) => ({ orderId: orderId + 100 })),
    );
    const statements: string[] = [];
    const pool = test.dataPool;
    const unitOfWork = createUnitOfWork(pgTransactions(pool), { bus });
    await unitOfWork.run(() => "tried out");
    pool.on("acquire", (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      client.query = ((...args: unknown[]) => {
        const [first] = args as [string | { text: string }];
        statements.push(typeof first === "string" ? first : first.text);
        return query(...args);
      }) as typeof client.query;
    });

    await unitOfWork.run(({ record }) => {
      record(new OrderPlaced({ orderId: 1 }));
      record(new OrderPlaced({ orderId: 2 }));
    });

    expect(statements.map((text) => text.trim().split(/\s/)[0]?.toLowerCase())).toEqual([
      "begin;",
      outbox ? "with" : "select",
      "commit",
    ]);
    expect(await written(test, outbox)).toBe(4);
  });

  it("enqueues at once for an event that is published outside a unit", async () => {
    await using test = await createTestJobs({ outbox });
    const bus = createEventBus();
    bus.register(
      OrderPlaced,
      test.jobs.durable(task, ({ orderId }) => ({ orderId })),
    );

    await bus.publish(new OrderPlaced({ orderId: 1 }));

    expect(await written(test, outbox)).toBe(1);
  });

  it("gives runOnce its key, so that effects happen once though the job runs again", async () => {
    await using test = await createTestJobs({ outbox });
    await test.dataPool.query("create table receipts (order_id int)");
    const unitOfWork = createUnitOfWork(pgTransactions(test.dataPool), { bus: createEventBus() });
    await unitOfWork.migrate();
    await place(test);

    const result = await drain(test.jobs, {
      tasks: [
        perform(task, async ({ orderId }, { attempt, idempotencyKey }) => {
          await unitOfWork.runOnce(idempotencyKey, async ({ tx }) => {
            await tx.query("insert into receipts values ($1)", [orderId]);
          });
          if (attempt < 3) throw new Error("after the commit");
        }),
      ],
    });

    expect(result).toMatchObject({ doneCount: 1, failedCount: 2 });
    expect((await test.dataPool.query("select order_id from receipts")).rows).toEqual([{ order_id: 7 }]);
  });
});

describe("a durable handler", () => {
  it("rolls the unit back when its payload does not fit", async () => {
    await using test = await createTestJobs();
    const bus = createEventBus();
    bus.register(
      OrderPlaced,
      test.jobs.durable(task, () => ({ orderId: Number.NaN })),
    );
    const unitOfWork = createUnitOfWork(pgTransactions(test.dataPool), { bus });

    const run = unitOfWork.run(({ record }) => record(new OrderPlaced({ orderId: 1 })));

    await expect(run).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
    expect(await storedJobs(test.jobsPool)).toEqual([]);
  });

  it("takes one key twice in one batch, the last counts", async () => {
    await using test = await createTestJobs();
    const bus = createEventBus();
    bus.register(
      OrderPlaced,
      test.jobs.durable(task, ({ orderId }) => ({ orderId }), { key: "all orders" }),
    );

    await bus.publishAll([new OrderPlaced({ orderId: 1 }), new OrderPlaced({ orderId: 2 })]);

    const { rows } = await test.jobsPool.query("select payload from graphile_worker._private_jobs");
    expect(rows).toEqual([{ payload: { orderId: 2 } }]);
  });

  it("takes key, queue and runAt from the event", async () => {
    await using test = await createTestJobs();
    const bus = createEventBus();
    bus.register(
      OrderPlaced,
      test.jobs.durable(
        task,
        ({ orderId }) => ({ orderId }),
        ({ orderId }) => ({ key: `order-${orderId}`, queue: "receipts" }),
      ),
    );

    await bus.publish(new OrderPlaced({ orderId: 3 }));

    expect(await storedJobs(test.jobsPool)).toMatchObject([{ key: "send_receipt:order-3", queue: "receipts" }]);
  });

  it("commits and keeps its job in the outbox while the jobs database is gone", async () => {
    await using test = await createTestJobs({ outbox: true });
    await using jobs = createJobs({
      connection: "postgres://nobody:nothing@127.0.0.1:1/none",
      outbox: { connection: test.dataUrl },
    });
    const bus = createEventBus();
    bus.register(
      OrderPlaced,
      jobs.durable(task, ({ orderId }) => ({ orderId })),
    );

    await createUnitOfWork(pgTransactions(test.dataPool), { bus }).run(({ record }) => {
      record(new OrderPlaced({ orderId: 1 }));
    });

    expect(await outboxCount(test.dataPool)).toBe(1);
    await expect(jobs.migrate()).rejects.toMatchObject({ code: "JOBS_DATABASE_UNREACHABLE" });
  });

  it("refuses a promise in place of a payload or of options, and says so", async () => {
    await using test = await createTestJobs();
    const promised = async () => ({ orderId: 1 });
    const refused = { code: "HANDLER_INVALID", message: expect.stringContaining("returned a promise") };

    for (const handler of [
      test.jobs.durable(task, promised as never),
      test.jobs.durable(task, ({ orderId }: OrderPlaced) => ({ orderId }), promised as never),
    ]) {
      const bus = createEventBus({ handlerErrors: "fail-fast" });
      bus.register(OrderPlaced, handler);
      await expect(bus.publish(new OrderPlaced({ orderId: 1 }))).rejects.toMatchObject(refused);
    }
  });

  it("refuses a value that is not a function", async () => {
    await using test = await createTestJobs();

    expect(() => test.jobs.durable(task, undefined as never)).toThrow(
      expect.objectContaining({ code: "HANDLER_INVALID" }) as Error,
    );
  });
});
