import { describe, expect, it } from "vitest";
import { createEventBus, defineEvent, publish, register } from "../src/index.ts";
import { clearHandlersAfterEach } from "../src/vitest.ts";

class Opened extends defineEvent("test.opened") {}

const bus = createEventBus();
let ran = 0;

describe("the vitest entry", () => {
  clearHandlersAfterEach(bus);

  it("lets a test register handlers", async () => {
    register(Opened, () => (ran += 1));
    bus.register(Opened, () => (ran += 1));

    await publish(new Opened());
    await bus.publish(new Opened());

    expect(ran).toBe(2);
  });

  it("has cleared them before the next", async () => {
    await publish(new Opened());
    await bus.publish(new Opened());

    expect(ran).toBe(2);
  });

  it("has registered the matchers of events", () => {
    expect([new Opened()]).toHavePublished(Opened);
    expect([]).not.toHavePublishedInOrder([Opened]);
  });
});
