import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { matchesPartial, pickAsked, show } from "../src/matches-partial.ts";

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
}

describe("matchesPartial", () => {
  it.each([
    ["a part of an object", { a: 1, b: { c: 2, d: 3 } }, { b: { c: 2 } }],
    ["a list of parts", { list: [{ a: 1, b: 2 }] }, { list: [{ a: 1 }] }],
    ["equal times", { at: new Date(5) }, { at: new Date(5) }],
    ["NaN", { n: Number.NaN }, { n: Number.NaN }],
    ["an asymmetric matcher at any depth", { a: ["x", { b: "y" }] }, { a: ["x", { b: expect.any(String) }] }],
    ["an asymmetric matcher for all", { a: 1 }, expect.objectContaining({ a: 1 })],
    ["a literal of another realm", { a: { b: 1 } }, runInNewContext("({ a: { b: 1 } })")],
    ["an equal value of a class", { price: new Money(1) }, { price: new Money(1) }],
    ["nothing asked for", { a: 1 }, {}],
  ])("fits %s", (_, value, asked) => {
    expect(matchesPartial(value, asked)).toBe(true);
  });

  it.each([
    ["another value", { a: 1 }, { a: "1" }],
    ["a property that is missing, even if it should be undefined", {}, { a: undefined }],
    ["a list of another length", { list: [1, 2] }, { list: [1] }],
    ["an object where a list is asked for", { list: { 0: 1, length: 1 } }, { list: [1] }],
    ["another time", { at: new Date(5) }, { at: new Date(6) }],
    ["a matcher that says no", { a: 1 }, { a: expect.any(String) }],
    ["another value of a class", { price: new Money(1) }, { price: new Money(2) }],
    ["null where an object is asked for", { a: null }, { a: {} }],
  ])("does not fit %s", (_, value, asked) => {
    expect(matchesPartial(value, asked)).toBe(false);
  });
});

it("shows what was asked for and nothing beside it, and matchers as they are written", () => {
  const asked = { email: expect.any(String), tags: ["a"] };

  expect(show(asked)).toBe("{ email: Any<String>, tags: [ 'a' ] }");
  expect(show(pickAsked({ email: "ada@example.org", secret: 1, tags: ["a", "b"] }, asked))).toBe(
    "{ email: 'ada@example.org', tags: [ 'a', … 1 more ] }",
  );
});
