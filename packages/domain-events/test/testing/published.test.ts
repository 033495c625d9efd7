import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createEventBus, defineEvent, DomainEvent, props } from "../../src/index.ts";
import {
  assertNotPublished,
  assertPublished,
  assertPublishedInOrder,
  eventMatchers,
  recordEvents,
} from "../../src/testing.ts";

expect.extend(eventMatchers);

interface Line {
  readonly sku: string;
  readonly count: number;
}

class Placed extends defineEvent(
  "order.placed",
  props<{ id: number; address: { city: string; street?: string }; lines: readonly Line[]; secret: string }>(),
) {}
class Paid extends defineEvent("order.paid", z.object({ id: z.number(), at: z.date() })) {}
class Shipped extends defineEvent("order.shipped") {}

const address = { city: "Bern", street: "Gasse 1" };
const lines = [{ sku: "a", count: 1 }];
const placed = new Placed({ id: 7, address, lines, secret: "s3cret" });
const paid = new Paid({ id: 7, at: new Date(0) });
const both = [placed, paid];

describe("toHavePublished", () => {
  it("looks for an event of the class, among what a bus has published", async () => {
    const bus = createEventBus();
    using recorder = recordEvents(bus);
    await bus.publish(placed);

    expect(recorder).toHavePublished(Placed);
    expect(recorder).toHavePublished(DomainEvent);
    expect(recorder).not.toHavePublished(Paid);
    expect(() => expect(recorder).toHavePublished(Paid)).toThrow("Expected order.paid to be published.");
    expect(() => expect(recorder).not.toHavePublished(Placed)).toThrow("Expected order.placed not to be published.");
  });

  it("compares the properties that it is given, of objects inside, too, and takes matchers", () => {
    expect(both).toHavePublished(Placed, { id: 7, address: { city: "Bern" } });
    expect(both).toHavePublished(Placed, { lines: [{ sku: "a" }], secret: expect.stringContaining("s3") as string });
    expect(both).toHavePublished(Paid, { at: new Date(0), occurredAt: new Date(paid.occurredAt) });
    expect(both).not.toHavePublished(Placed, { id: 8 });
    expect(both).not.toHavePublished(Placed, { id: 7, address: { city: "Basel" } });
    expect(both).not.toHavePublished(Placed, { lines: [] });
    expect(both).not.toHavePublished(Placed, { lines: [{ sku: "a" }, { sku: "b" }] });
    expect(both).not.toHavePublished(Placed, { secret: expect.stringContaining("public") as string });
    expect(both).not.toHavePublished(Paid, { at: new Date(1) });
  });

  it("says what was published, and of its properties only those that were asked for", () => {
    const others = [new Shipped(), placed];

    expect(() => expect(others).toHavePublished(Placed, { id: 8, address: { city: "Basel" }, lines: [] })).toThrow(
      [
        "Expected order.placed { id: 8, address: { city: 'Basel' }, lines: [] } to be published. Published, in order:",
        "  1. order.shipped",
        "  2. order.placed { id: 7, address: { city: 'Bern' }, lines: [ … 1 more ] }",
      ].join("\n"),
    );
    expect(messageOf(() => expect(others).toHavePublished(Paid))).not.toMatch(/s3cret|Gasse|Bern/);
    expect(messageOf(() => expect(others).toHavePublished(Placed, { secret: expect.any(Number) as string }))).toContain(
      "order.placed { secret: Any<Number> } to",
    );
    expect(() => expect([]).toHavePublished(Placed)).toThrow("Nothing was published.");
  });

  it("says only the beginning of a long list", () => {
    const many = Array.from({ length: 40 }, () => new Shipped());

    expect(
      messageOf(() => expect(many).toHavePublished(Placed))
        .split("\n")
        .at(-1),
    ).toBe("  … and 10 more");
  });
});

describe("toHavePublishedInOrder", () => {
  it("looks for the events in this order, with others between", () => {
    const published = [placed, new Shipped(), paid, placed];

    expect(published).toHavePublishedInOrder([Placed, Paid]);
    expect(published).toHavePublishedInOrder([[Placed, { id: 7 }], Paid, Placed]);
    expect(published).not.toHavePublishedInOrder([Paid, Shipped]);
    expect(published).not.toHavePublishedInOrder([Paid, Paid]);
    expect(published).not.toHavePublishedInOrder([Placed, [Paid, { id: 8 }]]);
  });

  it("says which event is missing", () => {
    expect(() => expect([paid, placed]).toHavePublishedInOrder([[Placed, { id: 7 }], Paid])).toThrow(
      [
        "Expected to be published in order: order.placed { id: 7 }, then order.paid. " +
          "Number 2 of them, order.paid, is missing there. Published, in order:",
        "  1. order.paid",
        "  2. order.placed { id: 7 }",
      ].join("\n"),
    );
    expect(() => expect(both).not.toHavePublishedInOrder([Placed, Paid])).toThrow(
      "Expected not to be published in order: order.placed, then order.paid. Published, in order:",
    );
  });
});

describe("the assertions without a test runner", () => {
  it("hand over the event that they found", () => {
    expect(assertPublished(both, Placed, { id: 7 }).address.city).toBe("Bern");
    assertNotPublished(both, Shipped);
    assertPublishedInOrder(both, [Placed, [Paid, { id: 7 }]]);
  });

  it("throw the error of node:assert, with the message of the matchers and the place of the test", () => {
    const failing = [
      () => assertPublished(both, Shipped),
      () => assertNotPublished(both, Placed, { id: 7 }),
      () => assertPublishedInOrder(both, [Paid, Placed]),
    ];

    for (const fail of failing) {
      expect(fail).toThrow(expect.objectContaining({ code: "ERR_ASSERTION", name: "AssertionError" }));
      expect(fail).toThrow("Published, in order:\n  1. order.placed");
      expect(stackOf(fail)).not.toContain("assert-published");
    }
  });
});

describe("an expectation that would be true of anything", () => {
  const circular = undefined as unknown as typeof Placed;
  const nothing: readonly object[] = [];

  it("is refused", () => {
    expect(() => expect(nothing).not.toHavePublished(circular)).toThrow(code("EVENT_CLASS_INVALID"));
    expect(() => expect(nothing).not.toHavePublishedInOrder([circular])).toThrow(code("EVENT_CLASS_INVALID"));
    expect(() => expect(nothing).toHavePublishedInOrder([])).toThrow(code("OPTIONS_INVALID"));
    expect(() => expect(createEventBus()).not.toHavePublished(Placed)).toThrow(code("OPTIONS_INVALID"));
    expect(() => expect(nothing).not.toHavePublished(Placed, 7 as never)).toThrow(code("OPTIONS_INVALID"));
  });
});

function code(expected: string): Error {
  return expect.objectContaining({ code: expected }) as Error;
}

function messageOf(fail: () => unknown): string {
  return thrownBy(fail).message;
}

function stackOf(fail: () => unknown): string | undefined {
  return thrownBy(fail).stack;
}

function thrownBy(fail: () => unknown): Error {
  try {
    fail();
  } catch (error) {
    return error as Error;
  }
  throw new Error("Nothing was thrown.");
}
