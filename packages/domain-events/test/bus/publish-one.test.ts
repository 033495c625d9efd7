import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createEventBus, defineEvent, type HandlerContext, props } from "../../src/index.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";

class Placed extends defineEvent("placed", props<{ id: number }>()) {}
class Shipped extends defineEvent("shipped", props<{ id: number }>()) {}

const placed = new Placed({ id: 1 });
const shipped = new Shipped({ id: 1 });

/** What a handler may come to; publishing has to go on from each as from any other. */
const outcomes = {
  nothing: () => undefined,
  promise: () => delay(0),
  // oxlint-disable-next-line unicorn/no-thenable -- that is the case.
  thenable: () => ({ then: (resolve: () => void) => void setImmediate(resolve) }),
  error() {
    throw new Error("boom");
  },
  rejection: () => Promise.reject(new Error("boom")),
};
const names = Object.keys(outcomes) as (keyof typeof outcomes)[];
const cases = names.flatMap((first) =>
  names.flatMap((second) => [false, true].map((does) => [first, second, does] as const)),
);

it.each(cases)("goes on after %s and %s, the first having recorded: %s", async (first, second, records) => {
  const bus = createEventBus({ logger: keepLog() });
  const log: string[] = [];
  bus.register(Placed, (_event, { record }) => {
    log.push("first");
    if (records) record(shipped);
    return outcomes[first]();
  });
  bus.register(Placed, () => {
    log.push("second");
    return outcomes[second]();
  });
  bus.register(Placed, () => log.push("third"));
  bus.register(Shipped, () => log.push("shipped"));

  const failed = await bus.publish(placed).then(
    () => 0,
    (error: { failures: unknown[] }) => error.failures.length,
  );

  expect(log).toEqual(["first", "second", "third", ...(records ? ["shipped"] : [])]);
  expect(failed).toBe([first, second].filter((outcome) => outcome === "error" || outcome === "rejection").length);
});

describe("the last handler of an event", () => {
  it.each(names)("may end with %s", async (name) => {
    const bus = createEventBus({ logger: keepLog() });
    const log: string[] = [];
    bus.register(Placed, (_event, { record }) => {
      record(shipped);
      return outcomes[name]();
    });
    bus.register(Shipped, () => log.push("shipped"));

    const result = await bus.publish(placed).catch((error: { code: string }) => error.code);

    expect(log).toEqual(["shipped"]);
    expect(result).toBe(name === "error" || name === "rejection" ? "HANDLERS_FAILED" : undefined);
  });

  it("records until it has settled, and no longer", async () => {
    const bus = createEventBus({ logger: keepLog() });
    const log: string[] = [];
    let kept: HandlerContext | undefined;
    bus.register(Placed, async (_event, context) => {
      kept = context;
      await delay(0);
      context.record(shipped);
    });
    bus.register(Shipped, () => log.push("shipped"));

    await bus.publish(placed);

    expect(log).toEqual(["shipped"]);
    expect(() => kept?.record(shipped)).toThrow(expect.objectContaining({ code: "PUBLISH_ENDED" }));
  });

  it("cannot record once it has settled, even if nothing was recorded before", async () => {
    const bus = createEventBus({ logger: keepLog() });
    let kept: HandlerContext | undefined;
    bus.register(Placed, async (_event, context) => {
      kept = context;
    });

    await bus.publish(placed);

    expect(() => kept?.record(shipped)).toThrow(expect.objectContaining({ code: "PUBLISH_ENDED" }));
  });

  it("counts as failed after handlerTimeoutMs when it never settles", async () => {
    const bus = createEventBus({ logger: keepLog(), handlerTimeoutMs: 1 });
    bus.register(Placed, () => new Promise(() => {}));

    await expect(bus.publish(placed)).rejects.toMatchObject({ failures: [{ error: { code: "HANDLER_TIMEOUT" } }] });
  });
});

it("the context of a handler can be spread", async () => {
  const bus = createEventBus();
  const log: string[] = [];
  bus.register(Placed, (...[, context]: [Placed, HandlerContext]) => ({ ...context }).record(shipped));
  bus.register(Shipped, () => log.push("shipped"));

  await bus.publish(placed);

  expect(log).toEqual(["shipped"]);
});
