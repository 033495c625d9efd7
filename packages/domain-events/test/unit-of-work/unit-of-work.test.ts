import { dropDatabasesAfterwards } from "../../src/conformance/databases.ts";
import { AsyncLocalStorage } from "node:async_hooks";
import type { PoolClient } from "pg";
import { expect, it } from "vitest";
import {
  beforeCommit,
  createEventBus,
  createUnitOfWork,
  defineEvent,
  EventLoopError,
  HandlersFailedError,
  props,
} from "../../src/index.ts";
import { pgDriver } from "../conformance/drivers.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";
import { durably, gate, Happened, happened } from "../../src/conformance/events.ts";
import { createWorld } from "../../src/conformance/world.ts";

dropDatabasesAfterwards();

class Followed extends defineEvent("followed", props<{ n: number }>()) {}

it("resolves although a handler throws or rejects; siblings run, each failure is reported once", async () => {
  await using world = await createWorld(pgDriver);
  world.bus.clearHandlers();
  const failures: HandlersFailedError[] = [];
  const unitOfWork = createUnitOfWork(world.adapter, {
    bus: world.bus,
    onHandlerError: (error) => failures.push(error),
  });
  world.bus.register(Happened, function throws() {
    throw new Error("boom");
  });
  world.bus.register(Happened, async function rejects() {
    throw "a string";
  });
  world.bus.register(Happened, ({ n }) => world.handled.push(n));

  const result = await unitOfWork.run(({ record }) => {
    record(happened(1));
    return "result";
  });

  expect(result).toBe("result");
  expect(world.handled).toEqual([1]);
  expect(world.log.errors.map(({ fields }) => fields)).toMatchObject([
    { eventType: "happened", handler: "throws" },
    { eventType: "happened", handler: "rejects", err: "a string" },
  ]);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatchObject({ committed: true, result: "result", failures: [{}, {}] });
});

it("resolves although a handler never settles, when the bus has a handlerTimeoutMs", async () => {
  await using world = await createWorld(pgDriver);
  const log = keepLog();
  const bus = createEventBus<PoolClient>({ logger: log, handlerTimeoutMs: 20 });
  bus.register(Happened, function hang() {
    return new Promise(() => {});
  });
  bus.register(Happened, ({ n }) => world.handled.push(n));

  await createUnitOfWork(world.adapter, { bus }).run(({ record }) => record(happened(1)));

  expect(world.handled).toEqual([1]);
  expect(log.errors.map(({ fields }) => fields)).toMatchObject([{ handler: "hang", err: { code: "HANDLER_TIMEOUT" } }]);
});

it("rejects with what failed after the commit when asked to", async () => {
  await using world = await createWorld(pgDriver, { onHandlerError: "throw" });
  world.bus.register(Happened, () => Promise.reject(new Error("boom")));

  const running = world.unitOfWork.run(({ record }) => {
    record(happened(1));
    return "result";
  });

  await expect(running).rejects.toMatchObject({ code: "HANDLERS_FAILED", committed: true, result: "result" });
});

it("is not disturbed by an onHandlerError that fails", async () => {
  await using world = await createWorld(pgDriver, {
    onHandlerError: () => Promise.reject(new Error("boom")),
  });
  world.bus.register(Happened, () => Promise.reject(new Error("boom")));

  await expect(world.unitOfWork.run(({ record }) => record(happened(1)))).resolves.toBeUndefined();

  expect(world.log.errors).toHaveLength(2);
});

it("runs beforeCommit handlers in the transaction, breadth first with what they record", async () => {
  await using world = await createWorld(pgDriver);
  const log: string[] = [];
  world.bus.register(
    Happened,
    beforeCommit(async ({ n }, { tx, record }) => {
      log.push(`happened ${n}`);
      await world.insert(tx, n);
      record(new Followed({ n }));
    }),
  );
  world.bus.register(
    Followed,
    beforeCommit(async ({ n }) => {
      log.push(`followed ${n}`);
      // Inside the unit, publishing is recording and running is joining.
      if (n === 1) await world.bus.publish(new Followed({ n: 10 }));
      await world.unitOfWork.run(({ tx }) => world.insert(tx, n + 100));
    }),
  );
  world.bus.register(Followed, ({ n }) => log.push(`after commit ${n}`));

  await world.unitOfWork.run(({ record }) => {
    record(happened(1));
    record(happened(2));
  });

  expect(log.slice(0, 5)).toEqual(["happened 1", "happened 2", "followed 1", "followed 2", "followed 10"]);
  expect(log.slice(5)).toEqual(["after commit 1", "after commit 2", "after commit 10"]);
  expect(await world.stored()).toEqual([1, 2, 101, 102, 110]);
});

it("rolls back when a beforeCommit handler fails, and throws its error as it is", async () => {
  await using world = await createWorld(pgDriver);
  const boom = new Error("boom");
  world.bus.register(
    Happened,
    beforeCommit(() => Promise.reject(boom)),
  );

  const running = world.unitOfWork.run(async ({ tx, record }) => {
    await world.insert(tx, 1);
    record(happened(1));
  });

  await expect(running).rejects.toBe(boom);
  expect(await world.stored()).toEqual([]);
  expect(world.handled).toEqual([]);
});

it("rolls back when beforeCommit handlers record in a circle, and names the chain", async () => {
  await using world = await createWorld(pgDriver);
  world.bus.register(
    Happened,
    beforeCommit(({ n }, { record }) => record(new Followed({ n }))),
  );
  world.bus.register(
    Followed,
    beforeCommit(({ n }, { record }) => record(happened(n))),
  );

  const running = world.unitOfWork.run(({ record }) => record(happened(1)));

  await expect(running).rejects.toBeInstanceOf(EventLoopError);
  await expect(running).rejects.toMatchObject({ chain: expect.arrayContaining(["happened", "followed"]) });
  await expect(running).rejects.toHaveProperty("chain.length", 102);
  expect(world.handled).toEqual([]);
});

it("rolls back when the request of a durable handler cannot be made", async () => {
  await using world = await createWorld(pgDriver);
  world.bus.register(Happened, {
    ...durably(world.store),
    toRequest: () => {
      throw new Error("no request");
    },
  });

  const running = world.unitOfWork.run(({ record }) => record(happened(1)));

  await expect(running).rejects.toThrow("no request");
  expect(world.handled).toEqual([]);
});

it("enqueues at once what an afterCommit handler records for a durable one", async () => {
  await using world = await createWorld(pgDriver);
  class Sent extends defineEvent("sent", props<{ n: number }>()) {}
  world.bus.register(Happened, ({ n }, { record }) => record(new Sent({ n })));
  world.bus.register(Sent, { delivery: "durable", name: "send", store: world.store, toRequest: ({ n }: Sent) => n });

  await world.unitOfWork.run(({ record }) => record(happened(1)));

  expect(await world.stored("durable_rows")).toEqual([1]);
});

it("keeps to the handlers that were registered when its work ended", async () => {
  await using world = await createWorld(pgDriver);
  world.bus.register(
    Happened,
    beforeCommit(() => world.bus.clearHandlers()),
  );

  await world.unitOfWork.run(({ record }) => record(happened(1)));
  await world.unitOfWork.run(({ record }) => record(happened(2)));

  expect(world.handled).toEqual([1]);
});

it("shows handlers the caller's context, and none of the unit's", async () => {
  await using world = await createWorld(pgDriver);
  const request = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  world.bus.register(Happened, async ({ n }) => {
    seen.push(request.getStore());
    if (n === 1) await world.bus.publish(happened(2));
  });

  await request.run("request 1", () => world.unitOfWork.run(({ record }) => record(happened(1))));
  await world.unitOfWork.run(({ record }) => record(happened(3)));

  expect(seen).toEqual(["request 1", "request 1", undefined]);
  expect(world.handled).toEqual([1, 2, 3]);
});

it("refuses what is not an event", async () => {
  await using world = await createWorld(pgDriver);

  const running = world.unitOfWork.run(({ record }) => record("happened" as never));

  await expect(running).rejects.toMatchObject({ code: "EVENT_INVALID" });
});

it("refuses an isolation that PostgreSQL does not know, before it could end up in a statement", async () => {
  await using world = await createWorld(pgDriver);

  const running = world.unitOfWork.run(() => {}, { isolation: "serializable; drop table rows" as never });

  await expect(running).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
});

it("refuses what is not an adapter", () => {
  expect(() => createUnitOfWork({} as never)).toThrow(expect.objectContaining({ code: "ADAPTER_INVALID" }));
});

it("waits, when stopped, for running units and their handlers, and takes no new ones", async () => {
  await using world = await createWorld(pgDriver);
  const [begun, end] = [gate(), gate()];
  const running = world.unitOfWork.run(async ({ record }) => {
    begun.open();
    await end.opened;
    // A part of a unit that was there before is no new run.
    await world.unitOfWork.run((joined) => joined.record(happened(1)));
    record(happened(2));
  });
  await begun.opened;

  const stopping = world.unitOfWork.stop({ deadlineMs: 10_000 });
  await expect(world.unitOfWork.run(() => {})).rejects.toMatchObject({ code: "STOPPED" });
  end.open();

  expect(await stopping).toEqual({ dropped: [], unfinishedUnitCount: 0 });
  expect(world.handled).toEqual([1, 2]);
  await running;
});

it("lets handlers of what was under way when it was stopped run units of their own, and waits for those", async () => {
  await using world = await createWorld(pgDriver, { max: 2 });
  let stopping: ReturnType<typeof world.unitOfWork.stop> | undefined;
  world.bus.register(Happened, async ({ n }) => {
    stopping ??= world.unitOfWork.stop();
    if (n < 3)
      await world.unitOfWork.run(async ({ tx, record }) => {
        await world.insert(tx, n + 1);
        record(happened(n + 1));
      });
  });

  await world.unitOfWork.run(({ record }) => record(happened(1)));

  expect(await stopping).toEqual({ dropped: [], unfinishedUnitCount: 0 });
  expect(await world.stored()).toEqual([2, 3]);
  await expect(world.unitOfWork.run(() => {})).rejects.toMatchObject({ code: "STOPPED" });
});

it("lets what was under way go on with runs through another unit of work, and behind runs that have ended", async () => {
  await using world = await createWorld(pgDriver, { max: 3 });
  await using other = await createWorld(pgDriver, { max: 2 });
  let stopping: ReturnType<typeof world.unitOfWork.stop> | undefined;
  other.bus.register(Happened, ({ n }) => world.unitOfWork.run(({ tx }) => world.insert(tx, n + 1)));
  world.bus.register(Happened, async ({ n }) => {
    stopping = world.unitOfWork.stop();
    await other.unitOfWork.run(({ record }) => record(happened(n)));
    const ended = gate();
    let later: Promise<unknown> | undefined;
    await world.unitOfWork.run(() => {
      later = ended.opened.then(() => world.unitOfWork.run(({ tx }) => world.insert(tx, n + 2)));
    });
    ended.open();
    await later;
  });

  await world.unitOfWork.run(({ record }) => record(happened(1)));

  expect(await stopping).toEqual({ dropped: [], unfinishedUnitCount: 0 });
  expect(await world.stored()).toEqual([2, 3]);
});

it("tells, when stopped, which handlers had not finished at the deadline, and starts none of them any more", async () => {
  await using world = await createWorld(pgDriver);
  const [begun, end] = [gate(), gate()];
  world.bus.register(Happened, async function slow({ n }) {
    begun.open();
    await end.opened;
    world.handled.push(n * 10);
  });
  world.bus.register(Happened, function never() {
    world.handled.push(99);
  });
  const running = world.unitOfWork.run(({ record }) => {
    record(happened(1));
    record(happened(2));
  });
  await begun.opened;

  const { dropped } = await world.unitOfWork.stop({ deadlineMs: 0 });
  end.open();
  await running;

  expect(dropped.map(({ eventType, handler }) => `${eventType} ${handler}`)).toEqual([
    "happened slow",
    "happened never",
    "happened anonymous handler",
    "happened slow",
    "happened never",
  ]);
  expect(world.handled).toEqual([1, 10]);
});

it("rolls back, when stopped, a unit whose work was still running at the deadline", async () => {
  await using world = await createWorld(pgDriver);
  const [begun, end] = [gate(), gate()];
  const running = world.unitOfWork.run(async ({ tx, record }) => {
    await world.insert(tx, 1);
    record(happened(1));
    begun.open();
    await end.opened;
  });
  running.catch(() => {});
  await begun.opened;

  const report = await world.unitOfWork.stop({ deadlineMs: 0 });
  end.open();

  expect(report).toEqual({ dropped: [], unfinishedUnitCount: 1 });
  await expect(running).rejects.toMatchObject({ code: "STOPPED" });
  expect(await world.stored()).toEqual([]);
});

it("runs in a process that ends on any unhandled rejection", () => {
  expect(process.execArgv).toContain("--unhandled-rejections=strict");
});
