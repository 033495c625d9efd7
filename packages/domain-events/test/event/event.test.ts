import assert from "node:assert";
import { inspect, isDeepStrictEqual, types } from "node:util";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { defineEvent, DomainEvent, DomainEventsError, props } from "../../src/index.ts";

class UserRegistered extends defineEvent("user.registered", props<{ userId: string; tags?: string[] }>()) {}
class CartEmptied extends defineEvent("cart.emptied") {}

describe("an event", () => {
  it("carries its type, an id, the time and its properties as own enumerable properties", () => {
    const event = new UserRegistered({ userId: "7" });

    expect(Object.keys(event).toSorted()).toEqual(["eventId", "occurredAt", "type", "userId"]);
    expect(event).toMatchObject({ type: "user.registered", userId: "7", occurredAt: expect.any(Date) });
    expect(UserRegistered.type).toBe("user.registered");
    expect(event).toBeInstanceOf(DomainEvent);
  });

  it("needs no argument when it carries nothing", () => {
    expect(new CartEmptied().type).toBe("cart.emptied");
  });

  it("cannot be changed, neither itself nor the plain objects and arrays inside", () => {
    class Ordered extends defineEvent("ordered", props<{ lines: { sku: string }[] }>()) {}
    const event = new Ordered({ lines: [{ sku: "a" }] });

    expect(() => Object.assign(event, { type: "other" })).toThrow(TypeError);
    expect(() => event.lines.push({ sku: "b" })).toThrow(TypeError);
    expect(() => Object.assign(event.lines[0]!, { sku: "b" })).toThrow(TypeError);
  });

  it("does not follow what its maker does to the objects afterwards, and leaves them unfrozen", () => {
    const tags = ["new"];
    const event = new UserRegistered({ userId: "7", tags });

    tags.push("later");

    expect(event.tags).toEqual(["new"]);
    expect(tags).toEqual(["new", "later"]);
  });

  it("keeps instances of classes by reference", () => {
    class Held extends defineEvent("held", props<{ at: Date; seats: Map<string, number> }>()) {}
    const at = new Date(0);
    const seats = new Map([["a", 1]]);

    const event = new Held({ at, seats });

    expect(event.at).toBe(at);
    expect(event.seats).toBe(seats);
  });

  it("keeps cycles, and a key called __proto__ as a key", () => {
    class Parsed extends defineEvent("parsed", props<{ value: object }>()) {}
    const value = JSON.parse('{"__proto__": {"admin": true}}') as Record<string, unknown>;
    value["self"] = value;

    const copied = new Parsed({ value }).value as Record<string, unknown>;

    expect(copied["self"]).toBe(copied);
    expect(copied["admin"]).toBeUndefined();
    expect(Object.keys(copied)).toEqual(["__proto__", "self"]);
  });

  it("takes its properties from an object of any realm, of no class, or of a class with nothing but fields", () => {
    class Row {
      readonly userId = "7";
    }
    const bare: { userId: string } = Object.assign(Object.create(null) as object, { userId: "7" });
    const elsewhere = runInNewContext("({ userId: '7' })") as { userId: string };

    for (const properties of [new Row(), bare, elsewhere]) {
      expect(new UserRegistered(properties).userId).toBe("7");
    }
  });

  it("is made from the output of its schema", () => {
    class Paid extends defineEvent("paid", z.object({ at: z.coerce.date() })) {}

    expect(new Paid({ at: "2026-01-02T00:00:00Z" }).at).toEqual(new Date("2026-01-02T00:00:00Z"));
  });
});

describe("an invalid event", () => {
  it("is refused with the paths and messages of the issues, and never with the values", () => {
    class Verified extends defineEvent("verified", z.object({ user: z.object({ id: z.uuid() }) })) {}

    const making = (): unknown => new Verified({ user: { id: "ada@example.org" } });

    expect(making).toThrow(expect.objectContaining({ code: "EVENT_INVALID" }));
    expect(making).toThrow(/"verified" does not fit its schema: user\.id: /);
    expect(making).not.toThrow(/ada@example\.org/);
  });

  it("is refused when its schema is asynchronous", () => {
    class Checked extends defineEvent("checked", z.object({ id: z.string().refine(async () => true) })) {}
    const asynchronous = {
      "~standard": { version: 1 as const, vendor: "test", validate: () => Promise.reject(new Error("late")) },
    };
    class Late extends defineEvent("late", asynchronous) {}
    const elsewhere = {
      "~standard": { ...asynchronous["~standard"], validate: () => runInNewContext("Promise.resolve({ value: {} })") },
    };
    class Foreign extends defineEvent("foreign", elsewhere) {}

    expect(() => Reflect.construct(Foreign, [{}])).toThrow(expect.objectContaining({ code: "SCHEMA_ASYNC" }));
    expect(() => Reflect.construct(Late, [{}])).toThrow(expect.objectContaining({ code: "SCHEMA_ASYNC" }));
    expect(() => new Checked({ id: "1" })).toThrow(expect.objectContaining({ code: "SCHEMA_ASYNC" }));
  });

  it("is refused when a property has one of the reserved names", () => {
    class Clash extends defineEvent("clash", props<{ any: unknown }>()) {}

    for (const name of ["type", "eventId", "occurredAt"]) {
      expect(() => Reflect.construct(Clash, [{ [name]: "x" }])).toThrow(new RegExp(`"clash" has a property "${name}"`));
    }
  });

  it.each(["arrays", "objects"])("is refused when its %s are nested deeper than 1,000", (what) => {
    class Parsed extends defineEvent("parsed", props<{ value: unknown }>()) {}
    const nested = (depth: number): object => {
      let value: object = [];
      for (let left = depth; left > 1; left -= 1) value = what === "arrays" ? [value] : { value };
      return value;
    };

    expect(() => new Parsed({ value: nested(1_000) })).not.toThrow();
    for (const depth of [1_001, 20_000]) {
      expect(() => new Parsed({ value: nested(depth) })).toThrow(
        expect.objectContaining({
          code: "EVENT_INVALID",
          message: expect.stringMatching(/"parsed" .* deeper than 1000/),
        }),
      );
    }
  });

  it("is refused when its properties are not an object", () => {
    class Odd extends defineEvent("odd", z.string() as never) {}

    expect(() => Reflect.construct(Odd, ["text"])).toThrow(expect.objectContaining({ code: "EVENT_INVALID" }));
  });

  it("is refused when its properties are an instance of a class whose methods or accessors would be lost", () => {
    class Money {
      readonly cents: number;
      constructor(cents: number) {
        this.cents = cents;
      }
      get euros(): number {
        return this.cents / 100;
      }
    }
    class Euros extends Money {}
    class Paid extends defineEvent(
      "paid",
      z.object({ cents: z.number() }).transform(({ cents }) => new Euros(cents)),
    ) {}
    class Refunded extends defineEvent("refunded", props<Money>()) {}

    for (const making of [() => new Paid({ cents: 4711 }), () => new Refunded(new Euros(4711))]) {
      expect(making).toThrow(expect.objectContaining({ code: "EVENT_INVALID" }));
      expect(making).toThrow(/not an instance of Euros/);
      expect(making).not.toThrow(/4711/);
    }
  });

  it("cannot even be defined without a name", () => {
    expect(() => defineEvent("")).toThrow(DomainEventsError);
    expect(() => defineEvent(undefined as never)).toThrow(/takes a name/);
  });
});

describe("the error of an event that does not fit its schema", () => {
  it("repeats no value, whatever the schema says, and no key that is data", () => {
    class Noted extends defineEvent("noted", {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: (value: unknown) => ({
          issues: [{ message: `Received ${JSON.stringify(value)}`, path: ["by", "ada@example.org"] }],
        }),
      },
    }) {}

    const make = () => Reflect.construct(Noted, [{ by: { "ada@example.org": "secret" } }]);

    expect(make).toThrow(/by\.\[…\]: does not fit/);
    expect(make).not.toThrow(/ada@|secret/);
  });
});

describe("occurredAt", () => {
  const setters = Object.getOwnPropertyNames(Date.prototype).filter((name) => name.startsWith("set"));

  it.each(setters)("stays what it was when a handler calls %s", (setter) => {
    const { occurredAt } = new CartEmptied();
    const before = occurredAt.getTime();

    expect(() => Reflect.apply(Reflect.get(occurredAt, setter) as () => void, occurredAt, [0])).toThrow(
      new TypeError(`The occurredAt of an event cannot be changed. Change a copy: new Date(event.occurredAt).`),
    );

    expect(occurredAt.getTime()).toBe(before);
  });

  it("cannot be given methods or properties of its own", () => {
    const { occurredAt } = new CartEmptied();

    expect(() => Object.assign(occurredAt, { getTime: () => 0 })).toThrow(TypeError);
    expect(() => Object.setPrototypeOf(occurredAt, Date.prototype) as unknown).toThrow(TypeError);
  });

  it("is a Date to whoever looks at it", () => {
    const event = new CartEmptied();
    const { occurredAt } = event;
    const copy = new Date(occurredAt);

    expect(Object.getOwnPropertyDescriptor(event, "occurredAt")).toMatchObject({ value: occurredAt, enumerable: true });
    expect(occurredAt).toBeInstanceOf(Date);
    expect(types.isDate(occurredAt)).toBe(true);
    expect(occurredAt.constructor).toBe(Date);
    expect(Object.prototype.toString.call(occurredAt)).toBe("[object Date]");
    expect(inspect(occurredAt)).toBe(copy.toISOString());
    expect(JSON.stringify(occurredAt)).toBe(JSON.stringify(copy));
    expect(occurredAt).toEqual(copy);
    expect(occurredAt).toStrictEqual(copy);
    expect(copy).toStrictEqual(occurredAt);
    expect(isDeepStrictEqual(occurredAt, copy)).toBe(true);
    assert.deepEqual(copy, occurredAt);
    expect(+occurredAt - +copy).toBe(0);
  });

  it("is cloned to a Date that can be changed, as plain ones are", () => {
    const { occurredAt } = new CartEmptied();
    for (const clone of [
      structuredClone(occurredAt),
      new Date(occurredAt),
      Reflect.construct(occurredAt.constructor, [occurredAt]) as Date,
    ]) {
      expect(clone).toStrictEqual(occurredAt);
      expect(Object.getPrototypeOf(clone)).toBe(Date.prototype);
      clone.setTime(0);
      expect(occurredAt.getTime()).toBeGreaterThan(0);
    }
  });

  it("is the time that the clock shows, a test's clock too", () => {
    vi.useFakeTimers({ now: 1_000 });
    try {
      expect(new CartEmptied().occurredAt).toEqual(new Date(1_000));
    } finally {
      vi.useRealTimers();
    }
  });
});
