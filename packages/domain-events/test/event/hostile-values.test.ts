import { describe, expect, it, vi } from "vitest";
import { createEventBus, defineEvent, type EventBus, HandlersFailedError, type Logger } from "../../src/index.ts";
import { createMemoryUnitOfWork } from "../../src/testing.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";

class Opened extends defineEvent("opened") {}

const refuse = (): never => {
  throw new Error("hostile");
};

/** What nobody throws on purpose. */
const hostileValues: readonly (readonly [string, () => unknown])[] = [
  ["an object without a prototype", () => Object.create(null) as unknown],
  ["an object whose toString throws", () => ({ toString: refuse })],
  ["an error whose stack throws", () => Object.defineProperty(new Error("boom"), "stack", { get: refuse })],
  [
    "an error whose stack is no text",
    () => Object.defineProperty(new Error("boom"), "stack", { value: Object.create(null) }),
  ],
  ["a revoked proxy", revokedProxy],
  ["a symbol", () => Symbol("boom")],
  ["undefined", () => undefined],
];

const brokenLoggers: readonly (readonly [string, Logger])[] = [
  ["throws", { debug: refuse, info: refuse, warn: refuse, error: refuse }],
  ["rejects", { ...keepLog(), error: (() => Promise.reject(new Error("hostile"))) as () => void }],
  ["throws a hostile value", { ...keepLog(), error: () => throwIt(revokedProxy()) }],
  ["lacks a method", {} as Logger],
];

describe.each(hostileValues)("a handler that fails with %s", (_what, make) => {
  it("is one that failed, to publish and to the others", async () => {
    using print = silentConsole();
    const value = make();
    for (const fail of failuresWith(value)) {
      const bus = createEventBus();
      const ran = followedByAnother(bus, fail);

      const outcome = await outcomeOf(bus.publish(new Opened()));

      expect(outcome.error).toBeInstanceOf(HandlersFailedError);
      expect(ran.count).toBe(1);
    }
    expect(print.count()).toBe(2);
  });

  it("stops the others and comes out as it is with fail-fast", async () => {
    using print = silentConsole();
    const value = make();
    for (const fail of failuresWith(value)) {
      const bus = createEventBus({ handlerErrors: "fail-fast" });
      const ran = followedByAnother(bus, fail);

      const outcome = await outcomeOf(bus.publish(new Opened()));

      expect(outcome.error === value).toBe(true);
      expect(ran.count).toBe(0);
    }
    expect(print.count()).toBe(2);
  });

  it("leaves the unit of work committed, and its result with the caller", async () => {
    using print = silentConsole();
    const bus = createEventBus();
    const ran = followedByAnother(bus, () => throwIt(make()));
    const work = ({ record }: { record: (event: object) => void }): string => {
      record(new Opened());
      return "stored";
    };

    await expect(createMemoryUnitOfWork({ bus }).run(work)).resolves.toBe("stored");
    const throwing = createMemoryUnitOfWork({ bus, onHandlerError: "throw" });
    const outcome = await outcomeOf(throwing.run(work));

    expect(outcome.error).toBeInstanceOf(HandlersFailedError);
    expect(outcome.error).toMatchObject({ committed: true, result: "stored" });
    expect(ran.count).toBe(2);
    expect(print.count()).toBe(2);
  });

  it("may as well be the work of a unit, which rejects with that and nothing else", async () => {
    const value = make();

    const outcome = await outcomeOf(createMemoryUnitOfWork({ bus: createEventBus() }).run(() => throwIt(value)));

    expect(outcome.error === value).toBe(true);
  });

  it("may as well be a lifecycle listener", async () => {
    using print = silentConsole();
    const bus = createEventBus();
    const value = make();
    bus.lifecycle.on("event:published", () => throwIt(value));
    bus.lifecycle.on("handler:succeeded", () => Promise.reject(value) as never);
    bus.lifecycle.on("handler:registered", () => value as never);
    const ran = followedByAnother(bus, () => {});

    await expect(bus.publish(new Opened())).resolves.toBeUndefined();

    expect(ran.count).toBe(1);
    await expect.poll(print.count).toBeGreaterThanOrEqual(3);
  });
});

describe.each(brokenLoggers)("a logger that %s", (_what, logger) => {
  it("keeps no handler from running, and the failure comes out on the console", async () => {
    using print = silentConsole();
    const bus = createEventBus({ logger });
    const ran = followedByAnother(bus, () => throwIt(new Error("boom")));

    const outcome = await outcomeOf(bus.publish(new Opened()));

    expect(outcome.error).toBeInstanceOf(HandlersFailedError);
    expect(ran.count).toBe(1);
    await expect.poll(print.count).toBe(1);
  });

  it("does not make a committed unit of work reject", async () => {
    using print = silentConsole();
    const bus = createEventBus({ logger });
    bus.lifecycle.on("handler:failed", refuse);
    followedByAnother(bus, () => throwIt(new Error("boom")));
    const unitOfWork = createMemoryUnitOfWork({ bus, onHandlerError: refuse });

    await expect(unitOfWork.run(({ record }) => record(new Opened()))).resolves.toBeUndefined();

    // The handler, the listener, and onHandlerError.
    await expect.poll(print.count).toBe(3);
  });

  it("does not hide why a publish failed when the console is broken, too", async () => {
    const print = vi.spyOn(console, "error").mockImplementation(refuse);
    try {
      const bus = createEventBus({ logger });
      followedByAnother(bus, () => throwIt(new Error("boom")));

      const outcome = await outcomeOf(bus.publish(new Opened()));

      expect(outcome.error).toBeInstanceOf(HandlersFailedError);
    } finally {
      print.mockRestore();
    }
  });
});

describe("a handler that returns", () => {
  it.each([
    ["a revoked proxy", revokedProxy],
    // oxlint-disable-next-line unicorn/no-thenable -- that is the case.
    ["an object whose then throws when it is read", () => Object.defineProperty({}, "then", { get: refuse })],
    ["a promise without a class", () => Object.defineProperty(Promise.resolve(), "constructor", { get: refuse })],
  ])("%s has failed, and the others run", async (_what, make) => {
    for (const position of ["first", "last"]) {
      const bus = createEventBus({ logger: keepLog() });
      let ranCount = 0;
      if (position === "last") bus.register(Opened, () => void (ranCount += 1));
      bus.register(Opened, make);
      if (position === "first") bus.register(Opened, () => void (ranCount += 1));

      const outcome = await outcomeOf(bus.publish(new Opened()));

      expect(outcome.error).toBeInstanceOf(HandlersFailedError);
      expect(ranCount).toBe(1);
    }
  });

  it("a promise whose own then throws leaves publish with nothing else to reject with", async () => {
    const bus = createEventBus({ logger: keepLog() });
    // oxlint-disable-next-line unicorn/no-thenable -- that is the case.
    bus.register(Opened, () => Object.assign(Promise.resolve(), { then: refuse }));

    const outcome = await outcomeOf(bus.publish(new Opened()));

    expect(outcome.error).toBeInstanceOf(HandlersFailedError);
  });
});

describe("names", () => {
  it.each([
    ["throws", { get: refuse }],
    ["is a symbol", { value: Symbol("name") }],
    ["is an object", { value: Object.create(null) as object }],
    ["is empty", { value: "" }],
  ])("of a handler that %s become something that can be shown", async (_what, name) => {
    const logger = keepLog();
    const bus = createEventBus({ logger });
    bus.lifecycle.on("handler:registered", () => {});
    bus.register(
      Opened,
      Object.defineProperty(() => throwIt(new Error("boom")), "name", name),
    );

    const outcome = await outcomeOf(bus.publish(new Opened()));

    expect(outcome.error).toMatchObject({ failures: [{ handler: "anonymous handler" }] });
    expect(logger.errors).toMatchObject([{ fields: { handler: "anonymous handler" } }]);
  });

  it.each([
    ["whose class has a name that throws", { get: refuse }, {}],
    ["whose class is called by a symbol", { value: Symbol("name") }, {}],
    ["that lets nobody look", {}, { get: refuse, has: refuse }],
  ])("of an event %s become something that can be shown", async (_what, name, traps) => {
    class Happened {
      readonly isOver = true;
    }
    const logger = keepLog();
    const bus = createEventBus({ logger });
    bus.register(Object.defineProperty(Happened, "name", name), () => throwIt(new Error("boom")));

    const outcome = await outcomeOf(bus.publish(new Proxy(new Happened(), traps)));

    expect(outcome.error).toBeInstanceOf(HandlersFailedError);
    expect(logger.errors).toMatchObject([{ fields: { eventType: "an anonymous class" } }]);
  });
});

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function failuresWith(value: unknown): (() => unknown)[] {
  return [() => throwIt(value), () => Promise.reject(value)];
}

function throwIt(value: unknown): never {
  throw value;
}

/** Not `rejects`: it looks at what it got, and these do not like that. */
function outcomeOf(promise: Promise<unknown>): Promise<{ error?: unknown }> {
  return promise.then(
    () => ({}),
    (error: unknown) => ({ error }),
  );
}

function followedByAnother(bus: EventBus, handler: () => unknown): { count: number } {
  const ran = { count: 0 };
  bus.register(Opened, handler);
  bus.register(Opened, () => void (ran.count += 1));
  return ran;
}

function silentConsole(): Disposable & { count: () => number } {
  const print = vi.spyOn(console, "error").mockImplementation(() => {});
  return { count: () => print.mock.calls.length, [Symbol.dispose]: () => print.mockRestore() };
}
