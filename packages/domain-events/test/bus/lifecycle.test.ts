import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createEventBus, defineEvent } from "../../src/index.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";

class Opened extends defineEvent("opened") {}

it("the lifecycle tells listeners what is registered and published, and which handlers succeed or fail", async () => {
  const bus = createEventBus({ logger: keepLog() });
  const told: unknown[] = [];
  bus.lifecycle.on("handler:registered", (happened) => told.push(["registered", happened]));
  bus.lifecycle.on("event:published", ({ event }) => told.push(["published", event]));
  bus.lifecycle.on("handler:succeeded", ({ handler, durationMs }) =>
    told.push(["succeeded", handler, durationMs >= 0]),
  );
  bus.lifecycle.on("handler:failed", ({ handler, error }) => told.push(["failed", handler, String(error)]));
  bus.register(Opened, async function greet() {});
  bus.register(Opened, function fail() {
    throw new Error("boom");
  });
  const event = new Opened();

  await bus.publish(event).catch(() => {});

  expect(told).toEqual([
    ["registered", { eventType: "opened", handler: "greet", delivery: "afterCommit" }],
    ["registered", { eventType: "opened", handler: "fail", delivery: "afterCommit" }],
    ["published", event],
    ["succeeded", "greet", true],
    ["failed", "fail", "Error: boom"],
  ]);
});

it("a listener that throws or rejects disturbs neither the bus nor the other listeners", async () => {
  const logger = keepLog();
  const bus = createEventBus({ logger });
  let told = 0;
  let ran = 0;
  bus.lifecycle.on("event:published", () => {
    throw new Error("listener");
  });
  bus.lifecycle.on("event:published", (() => Promise.reject(new Error("listener"))) as () => void);
  bus.lifecycle.on("event:published", () => runInNewContext("Promise.reject(new Error('of another realm'))") as void);
  bus.lifecycle.once("event:published", () => {
    told += 1;
  });
  bus.register(Opened, () => (ran += 1));

  await bus.publish(new Opened());
  await bus.publish(new Opened());

  expect({ told, ran }).toEqual({ told: 1, ran: 2 });
  await expect.poll(() => logger.errors.length).toBe(6);
});

describe("a listener", () => {
  const add = ["on", "addListener", "prependListener", "once", "prependOnceListener"] as const;

  it.each(add)("added with %s is told", async (method) => {
    const bus = createEventBus();
    let told = 0;
    bus.register(Opened, () => {});
    await bus.publish(new Opened());
    bus.lifecycle[method]("handler:succeeded", () => (told += 1));

    await bus.publish(new Opened());

    expect(told).toBe(1);
  });

  it.each(["off", "removeListener", "removeAllListeners"] as const)(
    "removed with %s is no longer told",
    async (method) => {
      const bus = createEventBus();
      let told = 0;
      const listen = (): unknown => (told += 1);
      bus.lifecycle.on("event:published", listen);
      bus.lifecycle.on("event:published", () => {});
      bus.lifecycle[method]("event:published", listen);

      await bus.publish(new Opened());

      expect(told).toBe(0);
    },
  );

  it("added while handlers run is told of the handlers that follow", async () => {
    const bus = createEventBus();
    const told: string[] = [];
    bus.register(Opened, () => bus.lifecycle.on("handler:succeeded", ({ handler }) => told.push(handler)));
    bus.register(Opened, function greet() {});

    await bus.publish(new Opened());

    expect(told).toEqual(["greet"]);
  });
});
