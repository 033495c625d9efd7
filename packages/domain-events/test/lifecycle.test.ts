import { expect, it } from "vitest";
import { createEventBus, defineEvent } from "../src/index.ts";
import { keepLog } from "./silent-logger.ts";

class Opened extends defineEvent("opened") {}

it("tells listeners what is registered, published, and how handlers fared", async () => {
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

it("is not disturbed by a listener that throws or rejects, and neither are the other listeners", async () => {
  const logger = keepLog();
  const bus = createEventBus({ logger });
  let told = 0;
  let ran = 0;
  bus.lifecycle.on("event:published", () => {
    throw new Error("listener");
  });
  bus.lifecycle.on("event:published", (() => Promise.reject(new Error("listener"))) as () => void);
  bus.lifecycle.once("event:published", () => {
    told += 1;
  });
  bus.register(Opened, () => (ran += 1));

  await bus.publish(new Opened());
  await bus.publish(new Opened());

  expect({ told, ran }).toEqual({ told: 1, ran: 2 });
  await expect.poll(() => logger.errors.length).toBe(4);
});
