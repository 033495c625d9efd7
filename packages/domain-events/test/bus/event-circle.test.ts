import { describe, expect, it } from "vitest";
import { createEventBus, defineEvent, EventLoopError, props } from "../../src/index.ts";
import { createMemoryUnitOfWork } from "../../src/testing.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";

class Moved extends defineEvent("moved", props<{ to?: number }>()) {}
class Counted extends defineEvent("counted") {}
class Ordered extends defineEvent("ordered") {}

/** A class without a name of its own for its events. */
class Plain {
  readonly isPlain = true;
}

const circles = [
  ["one type", [() => new Moved()]],
  ["types in turn", [() => new Moved(), () => new Counted(), () => new Ordered()]],
  ["plain classes", [() => new Plain(), () => new Counted()]],
] as const;

describe.each(circles)("a circle of %s whose handlers record", (_what, makers) => {
  it.each([
    ["two events each", 2, false],
    ["two events each, later", 2, true],
    ["a hundred events each", 100, false],
  ])("%s ends in an EventLoopError before memory runs out", async (_many, count, isAsync) => {
    const { bus, recorded } = circle(makers, count, isAsync);

    const error = await bus.publish(makers[0]()).catch((thrown: unknown) => thrown);

    expect(recorded.count).toBeLessThan(70_000);

    expect(error).toBeInstanceOf(EventLoopError);
    expect((error as EventLoopError).chain.length).toBeGreaterThan(makers.length);
    expect((error as Error).message).toMatch(/more than 50000 led back to their own type, and a chain of .* ends in/);
  });

  it("two events each, after the commit, fails only its handlers", async () => {
    const { bus } = circle(makers, 2, false);
    const unitOfWork = createMemoryUnitOfWork({ bus, onHandlerError: "throw" });

    const error = await unitOfWork.run(({ record }) => record(makers[0]())).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      code: "HANDLERS_FAILED",
      committed: true,
      failures: [{ error: { code: "EVENT_LOOP" } }],
    });
  });
});

it("a branching circle is ended and reported once, even if its handlers swallow the error", async () => {
  const logger = keepLog();
  const bus = createEventBus({ logger });
  bus.register(Moved, (_event, { record }) => {
    try {
      record(new Moved());
      record(new Moved());
    } catch {
      // Swallowed.
    }
  });

  await expect(bus.publish(new Moved())).rejects.toBeInstanceOf(EventLoopError);
  expect(logger.errors).toMatchObject([{ fields: { err: { code: "EVENT_LOOP" } } }]);
});

describe("an event may be followed by", () => {
  it("100,000 events that one handler records in a loop, of other classes or its own", async () => {
    const bus = createEventBus({ logger: keepLog() });
    let handledCount = 0;
    bus.register(Ordered, (_event, { record }) => {
      for (let to = 0; to < 100_000; to += 1) record(new Moved({ to }));
    });
    bus.register(Moved, ({ to }, { record }) => {
      handledCount += 1;
      if (to === undefined) for (let next = 0; next < 100_000; next += 1) record(new Moved({ to: next }));
      else record(new Counted());
    });
    bus.register(Counted, () => (handledCount += 1));

    await bus.publish(new Ordered());
    await bus.publish(new Moved());

    expect(handledCount).toBe(400_001);
  });

  it("100,000 events that each lead back to their class", async () => {
    const bus = createEventBus({ logger: keepLog() });
    let handledCount = 0;
    bus.register(Ordered, (_event, { record }) => {
      for (let to = 1; to <= 100_000; to += 1) record(new Moved({ to }));
    });
    bus.register(Moved, ({ to = 0 }, { record }) => {
      handledCount += 1;
      if (to > 0) record(new Counted());
    });
    bus.register(Counted, (_event, { record }) => record(new Moved({ to: 0 })));

    await bus.publish(new Ordered());

    expect(handledCount).toBe(200_000);
  });

  it("a tree of its own class with 32,766 nodes", async () => {
    const bus = createEventBus({ logger: keepLog() });
    let handledCount = 0;
    bus.register(Moved, ({ to = 0 }, { record }) => {
      handledCount += 1;
      if (to === 14) return;
      record(new Moved({ to: to + 1 }));
      record(new Moved({ to: to + 1 }));
    });

    await bus.publish(new Moved());

    expect(handledCount).toBe(32_767);
  });
});

/** Each event leads to `count` of the next maker, for ever. */
function circle(makers: readonly (() => object)[], count: number, isAsync: boolean) {
  const recorded = { count: 0 };
  const bus = createEventBus({ logger: keepLog() });
  makers.forEach((make, index) => {
    const next = makers[(index + 1) % makers.length]!;
    const handle = (_event: object, { record }: { record: (event: object) => void }): void => {
      for (let left = count; left > 0; left -= 1) {
        recorded.count += 1;
        record(next());
      }
    };
    const later = async (...given: Parameters<typeof handle>): Promise<void> => {
      await Promise.resolve();
      handle(...given);
    };
    bus.register(make().constructor as typeof Plain, isAsync ? later : handle);
  });
  return { bus, recorded };
}
