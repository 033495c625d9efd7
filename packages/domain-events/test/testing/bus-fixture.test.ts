// oxlint-disable vitest/no-standalone-expect -- the rule does not know that this `it` makes tests, too.
import { describe, expect, it as base } from "vitest";
import { createEventBus, defineEvent, type EventBus, props } from "../../src/index.ts";
import { createMemoryUnitOfWork } from "../../src/testing.ts";
import { busFixture } from "../../src/vitest.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";

class Opened extends defineEvent("test.opened", props<{ id: number }>()) {}

const log = keepLog();
const it = base.extend(busFixture<undefined>({ logger: log, handlerErrors: "fail-fast" }));
const buses = new Set<EventBus<undefined>>();
let ran = 0;

describe("busFixture", () => {
  it("gives a test a bus, and what that has published", async ({ bus, events }) => {
    buses.add(bus);
    bus.register(Opened, () => (ran += 1));

    await createMemoryUnitOfWork({ bus }).run(({ record }) => record(new Opened({ id: 1 })));

    expect(events).toHavePublished(Opened, { id: 1 });
    expect(ran).toBe(1);
  });

  it("gives the next test another one, without handlers and events of the first", async ({ bus, events }) => {
    expect(events).not.toHavePublished(Opened);
    await bus.publish(new Opened({ id: 2 }));

    expect(buses.has(bus)).toBe(false);
    expect(ran).toBe(1);
    expect(events.of(Opened).map(({ id }) => id)).toEqual([2]);
  });

  it("makes the bus with the options that it is given", async ({ bus }) => {
    const broken = new Error("broken");
    bus.register(Opened, () => Promise.reject(broken));

    await expect(bus.publish(new Opened({ id: 3 }))).rejects.toBe(broken);
    expect(log.errors).toMatchObject([{ fields: { err: broken } }]);
  });

  base("stops recording when the test is over", async () => {
    const bus = createEventBus<undefined>();
    await busFixture<undefined>().events({ bus }, async () => {
      expect(bus.lifecycle.listenerCount("event:published")).toBe(1);
    });

    expect(bus.lifecycle.listenerCount("event:published")).toBe(0);
  });
});
