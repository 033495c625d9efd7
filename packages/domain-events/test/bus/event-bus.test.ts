import { AsyncLocalStorage } from "node:async_hooks";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { assertEvent } from "../../src/event/assert-event.ts";
import { dispatcher } from "../../src/bus/event-bus.ts";
import {
  createEventBus,
  defineEvent,
  DomainEvent,
  EventLoopError,
  type HandlerContext,
  props,
} from "../../src/index.ts";
import { createMemoryUnitOfWork } from "../../src/testing.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";

class Placed extends defineEvent("placed", props<{ id: number }>()) {}
class Shipped extends defineEvent("shipped", props<{ id: number }>()) {}
class Billed extends defineEvent("billed", props<{ id: number }>()) {}

describe("publishing", () => {
  it("runs the handlers in registration order, each awaited before the next", async () => {
    const bus = createEventBus();
    const log: string[] = [];
    bus.register(Placed, async (event) => {
      await Promise.resolve();
      log.push(`first ${event.id}`);
    });
    bus.register(Placed, (event) => log.push(`second ${event.id}`));

    await bus.publish(new Placed({ id: 1 }));

    expect(log).toEqual(["first 1", "second 1"]);
  });

  it("has run synchronous handlers when it returns, and makes no promise for them", () => {
    const bus = createEventBus();
    let ran = 0;
    bus.register(Placed, () => (ran += 1));

    const first = bus.publish(new Placed({ id: 1 }));
    const second = bus.publish(new Placed({ id: 2 }));

    expect(ran).toBe(2);
    expect(first).toBe(second);
  });

  it("shows an event to handlers of its base classes, merged in registration order", async () => {
    class Rush extends Placed {}
    const bus = createEventBus();
    const log: string[] = [];
    bus.register(DomainEvent, (event) => log.push(`any ${event.type}`));
    bus.register(Rush, () => log.push("rush"));
    bus.register(Placed, () => log.push("placed"));

    await bus.publish(new Rush({ id: 1 }));
    await bus.publish(new Shipped({ id: 1 }));

    expect(log).toEqual(["any placed", "rush", "placed", "any shipped"]);
  });

  it("takes instances of any class as events", async () => {
    class StockLow {
      readonly left: number;
      constructor(left: number) {
        this.left = left;
      }
    }
    const bus = createEventBus();
    const seen: number[] = [];
    bus.register(StockLow, (event) => seen.push(event.left));

    await bus.publish(new StockLow(3));

    expect(seen).toEqual([3]);
  });

  it("does nothing if an event has no handlers", async () => {
    await expect(createEventBus().publish(new Placed({ id: 1 }))).resolves.toBeUndefined();
  });

  it("rejects a value that is no event, and does not throw", async () => {
    const bus = createEventBus();

    await expect(bus.publish("placed" as never)).rejects.toMatchObject({ code: "EVENT_INVALID" });
    await expect(bus.publish(undefined as never)).rejects.toMatchObject({ code: "EVENT_INVALID" });
    await expect(bus.publish({ type: "placed" })).rejects.toMatchObject({ code: "EVENT_INVALID" });
    await expect(bus.publishAll(undefined as never)).rejects.toBeInstanceOf(TypeError);
  });

  it.each([
    ["text", "placed"],
    ["nothing", undefined],
    ["null", null],
    ["a plain object", { type: "placed" }],
    ["an object without a prototype", Object.create(null)],
    ["a plain object of another realm", runInNewContext("({})")],
    ["an array", [new Placed({ id: 1 })]],
    ["an array of another realm", runInNewContext("[]")],
    ["the class itself", Placed],
    ["a revoked proxy", revokedProxy()],
  ])("refuses %s at once, inside a unit of work, too", async (_what, value) => {
    const refusal = expect.objectContaining({ code: "EVENT_INVALID" });
    const bus = createEventBus({ logger: keepLog() });
    bus.register(Placed, (_event, { record }) => record(value as never));

    expect(() => assertEvent(value)).toThrow(refusal);
    await expect(bus.publish(value as never)).rejects.toEqual(refusal);
    await expect(bus.publishAll([value as never])).rejects.toEqual(refusal);
    await expect(bus.publish(new Placed({ id: 1 }))).rejects.toMatchObject({ failures: [{ error: refusal }] });
    await createMemoryUnitOfWork({ bus }).run(async () => {
      await expect(bus.publish(value as never)).rejects.toEqual(refusal);
      await expect(bus.publishAll([value as never])).rejects.toEqual(refusal);
    });
  });

  it("takes all events of a list or none, inside a unit of work, too", async () => {
    const bus = createEventBus();
    const seen: number[] = [];
    bus.register(Placed, ({ id }) => seen.push(id));
    function* broken() {
      yield new Placed({ id: 1 });
      throw new Error("boom");
    }
    const mixed = [new Placed({ id: 2 }), {}];

    await createMemoryUnitOfWork({ bus }).run(async () => {
      await expect(bus.publishAll(broken())).rejects.toThrow("boom");
      await expect(bus.publishAll(mixed)).rejects.toMatchObject({ code: "EVENT_INVALID" });
      await bus.publishAll([new Placed({ id: 3 })]);
    });
    await expect(bus.publishAll(broken())).rejects.toThrow("boom");
    await expect(bus.publishAll(mixed)).rejects.toMatchObject({ code: "EVENT_INVALID" });

    expect(seen).toEqual([3]);
  });

  it("publishes several in order, as one breadth-first run", async () => {
    const bus = createEventBus();
    const log: string[] = [];
    bus.register(Placed, ({ id }, { record }) => {
      log.push(`placed ${id}`);
      record(new Shipped({ id }));
    });
    bus.register(Shipped, ({ id }) => log.push(`shipped ${id}`));

    await bus.publishAll([new Placed({ id: 1 }), new Placed({ id: 2 })]);

    expect(log).toEqual(["placed 1", "placed 2", "shipped 1", "shipped 2"]);
  });

  it("by a handler is a publish of its own, and leaves the outer queue as it is", async () => {
    const bus = createEventBus();
    const log: string[] = [];
    bus.register(Placed, async (_event, { record }) => {
      record(new Billed({ id: 1 }));
      await bus.publish(new Shipped({ id: 1 }));
      log.push("placed");
    });
    bus.register(Placed, () => log.push("placed again"));
    bus.register(Shipped, () => log.push("shipped"));
    bus.register(Billed, () => log.push("billed"));

    await bus.publish(new Placed({ id: 1 }));

    expect(log).toEqual(["shipped", "placed", "placed again", "billed"]);
  });

  it("shows handlers the context of the publisher, and leaves none behind", async () => {
    const storage = new AsyncLocalStorage<string>();
    const bus = createEventBus();
    const seen: unknown[] = [];
    bus.register(Placed, async () => {
      await Promise.resolve();
      seen.push(storage.getStore());
    });

    await storage.run("request 1", () => bus.publish(new Placed({ id: 1 })));
    await bus.publish(new Placed({ id: 2 }));

    expect(seen).toEqual(["request 1", undefined]);
  });
});

describe("recording in a handler", () => {
  it("in a circle ends with an error that names the chain of event types", async () => {
    const logger = keepLog();
    const bus = createEventBus({ logger });
    bus.register(Placed, ({ id }, { record }) => record(new Shipped({ id })));
    bus.register(Shipped, ({ id }, { record }) => record(new Placed({ id })));

    const error = await bus.publish(new Placed({ id: 1 })).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(EventLoopError);
    expect((error as EventLoopError).chain.slice(0, 3)).toEqual(["placed", "shipped", "placed"]);
    expect((error as EventLoopError).chain).toHaveLength(102);
    expect((error as Error).message).toMatch(/placed → shipped/);
    expect(logger.errors).toHaveLength(1);
  });

  it("in a circle ends the whole publish, even if the handlers swallow the error", async () => {
    const bus = createEventBus({ logger: keepLog() });
    let runs = 0;
    bus.register(Placed, ({ id }, { record }) => {
      runs += 1;
      try {
        record(new Placed({ id }));
      } catch {
        // Swallowed.
      }
    });

    const circles = [new Placed({ id: 1 }), new Placed({ id: 2 })];
    await expect(bus.publishAll(circles)).rejects.toBeInstanceOf(EventLoopError);
    expect(runs).toBe(201);
  });

  it("allows recursion over a tree a hundred levels deep", async () => {
    const bus = createEventBus();
    let deepest = 0;
    bus.register(Placed, ({ id }, { record }) => {
      deepest = id;
      if (id < 101) record(new Placed({ id: id + 1 }));
    });

    await bus.publish(new Placed({ id: 1 }));

    expect(deepest).toBe(101);
  });

  it("is refused once the publish has ended", async () => {
    const bus = createEventBus();
    let kept: HandlerContext | undefined;
    bus.register(Placed, (_event, context) => {
      kept = context;
    });

    await bus.publish(new Placed({ id: 1 }));

    expect(() => kept?.record(new Shipped({ id: 1 }))).toThrow(expect.objectContaining({ code: "PUBLISH_ENDED" }));
  });
});

describe("registering", () => {
  it("returns a function that removes this registration, and may be called twice", async () => {
    const bus = createEventBus();
    let ran = 0;
    const count = (): unknown => (ran += 1);
    const undo = bus.register(Placed, count);
    bus.register(Placed, count);

    undo();
    undo();
    await bus.publish(new Placed({ id: 1 }));

    expect(ran).toBe(1);
  });

  it("runs one handler twice when it is registered twice", async () => {
    const bus = createEventBus();
    let ran = 0;
    const count = (): unknown => (ran += 1);
    bus.register(Placed, count);
    bus.register(Placed, count);

    await bus.publish(new Placed({ id: 1 }));

    expect(ran).toBe(2);
  });

  it("does not disturb a publish under way, nor does unregistering or clearing", async () => {
    const bus = createEventBus();
    const log: string[] = [];
    bus.register(Placed, (_event, { record }) => {
      bus.register(Placed, () => log.push("registered meanwhile"));
      bus.register(Shipped, () => log.push("registered before its event was recorded"));
      undo();
      bus.clearHandlers();
      record(new Shipped({ id: 1 }));
    });
    const undo = bus.register(Placed, () => log.push("unregistered meanwhile"));
    bus.register(Shipped, () => log.push("cleared meanwhile"));

    await bus.publish(new Placed({ id: 1 }));
    await bus.publish(new Placed({ id: 2 }));

    expect(log).toEqual(["unregistered meanwhile", "cleared meanwhile"]);
  });

  it("while publishAll() reads its events does not change the handlers of that publish", async () => {
    const bus = createEventBus();
    const log: string[] = [];
    bus.register(Placed, () => log.push("there before"));
    function* events() {
      bus.register(Placed, () => log.push("registered meanwhile"));
      yield new Placed({ id: 1 });
    }

    await bus.publishAll(events());

    expect(log).toEqual(["there before"]);
  });

  it("does not change the handlers with which a unit of work is committing", () => {
    const bus = createEventBus();
    bus.register(Placed, () => {});

    const taken = bus[dispatcher].registrations();
    bus.register(Placed, () => {});

    expect(taken.of(new Placed({ id: 1 })).afterCommit).toHaveLength(1);
  });

  it("takes the same time for each handler, however many there are", async () => {
    const bus = createEventBus();
    let ran = 0;
    const startedAt = performance.now();
    for (let left = 20_000; left > 0; left -= 1) bus.register(Placed, () => (ran += 1));
    await bus.publish(new Placed({ id: 1 }));

    expect(ran).toBe(20_000);
    // A copy of all for each took ten seconds.
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it("refuses what is not a class or not a handler, and says what to do", () => {
    const bus = createEventBus();

    expect(() => bus.register(undefined as never, () => {})).toThrow(
      expect.objectContaining({ code: "EVENT_CLASS_INVALID", message: expect.stringContaining("circle") }),
    );
    expect(() => bus.register((() => {}) as never, () => {})).toThrow(
      expect.objectContaining({ code: "EVENT_CLASS_INVALID" }),
    );
    for (const handler of [undefined, "text", {}, { delivery: "later" }, { delivery: "durable" }]) {
      expect(() => bus.register(Placed, handler as never)).toThrow(
        expect.objectContaining({ code: "HANDLER_INVALID" }),
      );
    }
  });

  it("refuses a second class with the same name, even if it is only published", async () => {
    class Twin extends defineEvent("placed", props<{ id: number }>()) {}
    const bus = createEventBus();
    const undo = bus.register(Placed, function ship() {});

    expect(() => bus.register(Twin, () => {})).toThrow(/Two event classes are called "placed".*"ship"/);
    await expect(bus.publish(new Twin({ id: 1 }))).rejects.toMatchObject({ code: "EVENT_NAME_TAKEN" });

    undo();
    expect(() => bus.register(Twin, () => {})).not.toThrow();
  });
});

describe("an event", () => {
  it("cannot be changed by one handler for the others", async () => {
    const bus = createEventBus({ logger: keepLog() });
    const seen: number[] = [];
    bus.register(Placed, (event) => Object.assign(event, { id: 99 }));
    bus.register(Placed, (event) => seen.push(event.id));

    await bus.publish(new Placed({ id: 1 })).catch(() => {});

    expect(seen).toEqual([1]);
  });
});

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
