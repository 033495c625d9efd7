import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createEventBus, defaultBus, defineEvent, props, publish } from "../../src/index.ts";
import { createMemoryUnitOfWork, recordEvents } from "../../src/testing.ts";

class Placed extends defineEvent("test.placed", props<{ id: number }>()) {}
class Shipped extends defineEvent("test.shipped", props<{ id: number }>()) {}

describe("recordEvents", () => {
  it("records what is published, in order, also without handlers", async () => {
    const bus = createEventBus();
    using recorder = recordEvents(bus);
    bus.register(Placed, ({ id }, { record }) => record(new Shipped({ id })));

    await bus.publishAll([new Placed({ id: 1 }), new Placed({ id: 2 })]);

    expect(recorder.events.map((event) => event.constructor.name)).toEqual(["Placed", "Placed", "Shipped", "Shipped"]);
    expect(recorder.of(Shipped).map(({ id }) => id)).toEqual([1, 2]);
  });

  it("forgets when cleared, and ends when stopped or disposed", async () => {
    const bus = createEventBus();
    const recorder = recordEvents(bus);
    await bus.publish(new Placed({ id: 1 }));

    recorder.clear();
    await bus.publish(new Placed({ id: 2 }));
    recorder.stop();
    await bus.publish(new Placed({ id: 3 }));

    expect(recorder.of(Placed).map(({ id }) => id)).toEqual([2]);
    expect(bus.lifecycle.listenerCount("event:published")).toBe(0);
  });

  it("listens to the default bus by default", async () => {
    using recorder = recordEvents();

    await publish(new Placed({ id: 1 }));

    expect(recorder.events).toHaveLength(1);
  });
});

describe("createMemoryUnitOfWork", () => {
  it("publishes after the work, and nothing of a work that rejects", async () => {
    const bus = createEventBus();
    using recorder = recordEvents(bus);
    const unitOfWork = createMemoryUnitOfWork({ bus });

    await unitOfWork.run(({ record }) => {
      record(new Placed({ id: 1 }));
      expect(recorder.events).toEqual([]);
    });
    await unitOfWork
      .run(({ record }) => {
        record(new Placed({ id: 2 }));
        throw new Error("boom");
      })
      .catch(() => {});

    expect(recorder.of(Placed).map(({ id }) => id)).toEqual([1]);
  });

  it("has savepoints, joins and dooms as the real one", async () => {
    const bus = createEventBus();
    using recorder = recordEvents(bus);
    const unitOfWork = createMemoryUnitOfWork({ bus });

    await unitOfWork.run(async ({ record, savepoint }) => {
      record(new Placed({ id: 1 }));
      await savepoint((inner) => {
        inner.record(new Placed({ id: 2 }));
        throw new Error("boom");
      }).catch(() => {});
      await unitOfWork.run((joined) => joined.record(new Placed({ id: 3 })));
    });
    const doomed = unitOfWork.run(() => unitOfWork.run(() => Promise.reject(new Error("boom"))).catch(() => {}));

    await expect(doomed).rejects.toMatchObject({ code: "UNIT_DOOMED" });
    expect(recorder.of(Placed).map(({ id }) => id)).toEqual([1, 3]);
  });

  it("publishes on the default bus, and hands over the tx it is given", async () => {
    using recorder = recordEvents(defaultBus);
    const unitOfWork = createMemoryUnitOfWork({ tx: { insert: () => 7 } });

    const result = await unitOfWork.run(({ tx, record }) => {
      record(new Placed({ id: 1 }));
      return tx.insert();
    });

    expect(result).toBe(7);
    expect(recorder.events).toHaveLength(1);
  });

  it("runs once for each key, and again after a rollback; a second run waits for the first", async () => {
    const unitOfWork = createMemoryUnitOfWork({ bus: createEventBus() });

    const failing = unitOfWork.runOnce("key", () => Promise.reject(new Error("boom")));
    const waiting = unitOfWork.runOnce("key", () => "ran");
    const late = unitOfWork.runOnce("key", () => "ran");

    await expect(failing).rejects.toThrow("boom");
    expect(await waiting).toEqual({ ran: true, result: "ran" });
    expect(await late).toEqual({ ran: false });
  });

  it("leaves a key to others whose run was aborted while it waited for that", async () => {
    const unitOfWork = createMemoryUnitOfWork({ bus: createEventBus() });
    const { promise: held, reject: fail } = Promise.withResolvers<never>();
    const aborting = new AbortController();
    const failing = unitOfWork.runOnce("key", () => held);
    const aborted = unitOfWork.runOnce("key", () => "never", { signal: aborting.signal });
    await nextTurn();
    aborting.abort(new Error("too late"));
    await expect(aborted).rejects.toThrow("too late");

    fail(new Error("boom"));

    await expect(failing).rejects.toThrow("boom");
    expect(await unitOfWork.runOnce("key", () => "ran")).toEqual({ ran: true, result: "ran" });
  });
});
