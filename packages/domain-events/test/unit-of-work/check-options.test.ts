import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { checkCount, checkDuration } from "../../src/check-options.ts";
import { createEventBus, defineEvent } from "../../src/index.ts";
import { createMemoryUnitOfWork } from "../../src/testing.ts";
import { RunsInFlight } from "../../src/unit-of-work/runs-in-flight.ts";
import { withTimeout } from "@acme/shared/timeout";
import { keepLog } from "../../src/conformance/kept-log.ts";

class Opened extends defineEvent("opened") {}

const longest = 2 ** 31 - 1;
const none: readonly (readonly [unknown, string])[] = [
  [Number.NaN, "NaN"],
  [-1, "another number"],
  [longest + 1, "another number"],
  [-Infinity, "another number"],
  ["1000", "a string"],
  [1000n, "a bigint"],
  [null, "null"],
  [new Date(), "an object"],
];

describe("a duration", () => {
  it.each([0, 0.5, longest, Infinity])("may be %d", (ms) => {
    expect(checkDuration("handlerTimeoutMs", ms)).toBe(ms);
  });

  it.each(none)("cannot be %s", (value, shown) => {
    expect(() => checkDuration("handlerTimeoutMs", value)).toThrow(
      expect.objectContaining({
        code: "OPTIONS_INVALID",
        message: `handlerTimeoutMs is a number of milliseconds from 0 to 2147483647 (24 days), or Infinity for no limit. It is ${shown}.`,
      }),
    );
  });

  it("may have a least of its own", () => {
    expect(() => checkDuration("pauseMs", 0, 1)).toThrow("from 1 to");
  });
});

describe("a count", () => {
  it("is a whole number from 1", () => {
    expect(checkCount("retry.attempts", 3)).toBe(3);
    for (const value of [0, -1, 1.5, Number.NaN, "3", null, Infinity, 2 ** 53]) {
      expect(() => checkCount("retry.attempts", value)).toThrow(
        expect.objectContaining({ code: "OPTIONS_INVALID", message: expect.stringContaining("retry.attempts is") }),
      );
    }
  });
});

describe("an option that does not exist", () => {
  const unitOfWork = createMemoryUnitOfWork();
  const run = (options: object) => unitOfWork.run(async () => undefined, options);

  it.each([
    ["handlerError", async () => createEventBus({ handlerError: "fail-fast" } as never)],
    ["timeoutMs", async () => createMemoryUnitOfWork({ timeoutMs: 5 } as never)],
    ["retries", async () => createMemoryUnitOfWork({ retry: { retries: 5 } } as never)],
    ["isolationLevel", () => run({ isolationLevel: "serializable" })],
    ["delayMs", () => run({ retry: { delayMs: 5 } })],
  ])("is refused with its name: %s", async (name, make) => {
    await expect(make()).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
      message: expect.stringContaining(`no option "${name}"`),
    });
  });
});

describe("handlerTimeoutMs", () => {
  it.each(none)("is refused when the bus is created: %s", (value) => {
    expect(() => createEventBus({ handlerTimeoutMs: value as never })).toThrow(
      expect.objectContaining({ code: "OPTIONS_INVALID" }),
    );
  });

  it.each([Infinity, longest])("of %d leaves a handler its time", async (handlerTimeoutMs) => {
    const bus = createEventBus({ logger: keepLog(), handlerTimeoutMs });
    bus.register(Opened, () => delay(20));
    bus.register(Opened, () => delay(20));

    await expect(bus.publish(new Opened())).resolves.toBeUndefined();
  });
});

describe("within", () => {
  it("waits as long as it takes without a limit", async () => {
    await expect(withTimeout(Infinity, delay(20, "there"))).resolves.toBe("there");
    await expect(withTimeout(Infinity, Promise.reject(new Error("boom")))).rejects.toThrow("boom");
  });
});

describe("stopping", () => {
  it.each([[Infinity], []])("with a deadline of %s waits for what is under way", async (...deadline) => {
    const inFlight = new RunsInFlight();
    const flight = inFlight.begin();
    const stopping = inFlight.stop(...deadline);
    await delay(20);
    inFlight.end(flight);

    await expect(stopping).resolves.toEqual({ dropped: [], unfinishedUnitCount: 0 });
    expect(flight.isGivenUp).toBe(false);
  });

  it.each(none)("is refused with a deadline of %s, and nothing is stopped", async (value) => {
    const inFlight = new RunsInFlight();

    await expect(inFlight.stop(value as never)).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
      message: expect.stringContaining("deadlineMs"),
    });

    expect(() => inFlight.begin()).not.toThrow();
  });

  it("gives up at the deadline", async () => {
    const inFlight = new RunsInFlight();
    const flight = inFlight.begin();

    await expect(inFlight.stop(1)).resolves.toEqual({ dropped: [], unfinishedUnitCount: 1 });
    expect(flight.isGivenUp).toBe(true);
  });
});
