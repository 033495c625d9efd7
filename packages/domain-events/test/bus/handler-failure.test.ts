import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { beforeCommit, createEventBus, defineEvent, HandlersFailedError, props } from "../../src/index.ts";
import { keepLog } from "../../src/conformance/kept-log.ts";

class Registered extends defineEvent("registered", props<{ email: string }>()) {}

describe("a failing handler", () => {
  it.each([
    [
      "throws",
      () => {
        throw new Error("boom");
      },
    ],
    ["rejects", () => Promise.reject(new Error("boom"))],
    [
      "throws a string",
      () => {
        // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error -- that is the case.
        throw "boom";
      },
    ],
    ["rejects with nothing", () => Promise.reject()],
  ])("that %s keeps no other handler from running, and is logged once", async (_what, fail) => {
    const logger = keepLog();
    const bus = createEventBus({ logger });
    let ran = false;
    bus.register(Registered, fail);
    bus.register(Registered, () => {
      ran = true;
    });

    const error = await bus.publish(new Registered({ email: "ada@example.org" })).catch((thrown: unknown) => thrown);

    expect(ran).toBe(true);
    expect(error).toBeInstanceOf(HandlersFailedError);
    expect(logger.errors).toHaveLength(1);
  });

  it("is logged with event type, event id and handler name, never with properties of the event", async () => {
    const logger = keepLog();
    const bus = createEventBus({ logger });
    const event = new Registered({ email: "ada@example.org" });
    bus.register(Registered, function greet() {
      throw new Error("boom");
    });

    await bus.publish(event).catch(() => {});

    const [entry] = logger.errors;
    expect(entry?.fields).toMatchObject({ eventType: "registered", eventId: event.eventId, handler: "greet" });
    expect(JSON.stringify(logger.errors)).not.toContain("ada@example.org");
  });

  it("appears with its event and its error among the failures", async () => {
    const bus = createEventBus({ logger: keepLog() });
    const event = new Registered({ email: "a" });
    const boom = new Error("boom");
    bus.register(Registered, async function greet() {
      throw boom;
    });

    const error = await bus.publish(event).catch((thrown: unknown) => thrown as HandlersFailedError);

    expect(error).toMatchObject({
      code: "HANDLERS_FAILED",
      committed: false,
      failures: [{ event, handler: "greet", error: boom }],
    });
  });

  it("stops the other handlers with fail-fast, and publish rejects with the error itself", async () => {
    const logger = keepLog();
    const bus = createEventBus({ logger, handlerErrors: "fail-fast" });
    const boom = new Error("boom");
    let ran = false;
    bus.register(Registered, () => {
      throw boom;
    });
    bus.register(Registered, () => {
      ran = true;
    });

    await expect(bus.publish(new Registered({ email: "a" }))).rejects.toBe(boom);

    expect(ran).toBe(false);
    expect(logger.errors).toHaveLength(1);
  });

  it("that never settles counts as failed after handlerTimeoutMs", async () => {
    vi.useFakeTimers();
    try {
      const bus = createEventBus({ logger: keepLog(), handlerTimeoutMs: 1_000 });
      let ran = false;
      bus.register(Registered, function hang() {
        return new Promise(() => {});
      });
      bus.register(Registered, () => {
        ran = true;
      });

      const publishing = bus.publish(new Registered({ email: "a" })).catch((thrown: unknown) => thrown);
      await vi.advanceTimersByTimeAsync(1_000);

      expect(await publishing).toMatchObject({ failures: [{ handler: "hang", error: { code: "HANDLER_TIMEOUT" } }] });
      expect(ran).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it("prints only the stack of its error if there is no logger", async () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const bus = createEventBus();
      bus.register(Registered, () => {
        throw Object.assign(new Error("boom"), { detail: "Key (email)=(ada@example.org)" });
      });

      await bus.publish(new Registered({ email: "ada@example.org" })).catch(() => {});

      expect(print).toHaveBeenCalledOnce();
      expect(JSON.stringify(print.mock.calls)).not.toContain("ada@example.org");
    } finally {
      print.mockRestore();
    }
  });

  it("needs a known mode", () => {
    expect(() => createEventBus({ handlerErrors: "ignore" as never })).toThrow(/"isolate" or "fail-fast"/);
  });
});

describe("a beforeCommit handler", () => {
  it("prevents its event from being published outside a unit of work, before any handler runs", async () => {
    const bus = createEventBus();
    let ran = false;
    bus.register(Registered, () => {
      ran = true;
    });
    bus.register(
      Registered,
      beforeCommit(function audit() {}),
    );

    await expect(bus.publish(new Registered({ email: "a" }))).rejects.toMatchObject({
      code: "NEEDS_UNIT_OF_WORK",
      message: expect.stringContaining('"audit"'),
    });
    expect(ran).toBe(false);
  });

  it("takes a function", () => {
    expect(() => beforeCommit(undefined as never)).toThrow(expect.objectContaining({ code: "HANDLER_INVALID" }));
  });
});

describe("a durable handler", () => {
  it("writes at once when its event is published outside a unit of work", async () => {
    const bus = createEventBus();
    const written: unknown[] = [];
    let woken = 0;
    const store = {
      async write(requests: readonly unknown[], transaction?: object) {
        await delay(0);
        written.push(requests, transaction);
        return undefined;
      },
      wake() {
        woken += 1;
      },
    };
    bus.register(Registered, {
      delivery: "durable",
      name: "mail",
      store,
      toRequest: (event: Registered) => event.email,
    });

    await bus.publish(new Registered({ email: "a" }));

    expect(written).toEqual([["a"], undefined]);
    expect(woken).toBe(1);
  });
});
