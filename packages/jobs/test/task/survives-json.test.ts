import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { survivesJson } from "../../src/task/survives-json.ts";

/** The definition, which would be too slow to check for every job. */
function survivesRoundTrip(value: unknown): boolean {
  const json = JSON.stringify(value) as string | undefined;
  return json !== undefined && isDeepStrictEqual(JSON.parse(json), value);
}

class Money {
  cents = 1;
}
const beside = Object.assign([1], { name: 1 });
const hidden = Object.defineProperty({ a: 1 }, Symbol("hidden"), { value: 1, enumerable: false });
const mapped = Object.defineProperty({ a: 1 }, "toJSON", { value: () => "other" });

const oddities: readonly unknown[] = [
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  undefined,
  Symbol("a"),
  () => 1,
  new Date(0),
  new Map([["a", 1]]),
  new Set([1]),
  /a/,
  new Error("a"),
  new Uint8Array([1, 2]),
  new Money(),
  Object("a"),
  Object.create(null),
  { [Symbol("a")]: 1 },
  hidden,
  mapped,
  { toJSON: () => 1 },
  { toJSON: 1 },
  Object.assign([], { length: 2 }),
  Object.assign([1], { 2: 3 }),
  beside,
  new (class List extends Array {})(),
];

const data = fc.oneof(
  { depthSize: "medium" },
  fc.jsonValue(),
  fc.anything({ withSparseArray: true, withNullPrototype: true }),
);
/** Most of it plain, with here and there something that is not. */
const { value: mixed } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 8, arbitrary: fc.oneof(fc.string(), fc.double(), fc.integer(), fc.boolean(), fc.constant(null)) },
    { weight: 1, arbitrary: fc.constantFrom(...oddities) },
    { weight: 4, arbitrary: fc.array(tie("value"), { maxLength: 4 }) },
    { weight: 4, arbitrary: fc.dictionary(fc.string(), tie("value"), { maxKeys: 4, noNullPrototype: true }) },
  ),
}));

describe("what survives JSON", () => {
  it("is every value that a round trip through JSON leaves unchanged", () => {
    fc.assert(
      fc.property(fc.oneof(data, mixed), (value) => {
        expect(survivesJson(value)).toBe(survivesRoundTrip(value));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each(oddities.map((value) => ({ value })))("is judged right for $value", ({ value }) => {
    expect(survivesJson(value)).toBe(survivesRoundTrip(value));
    expect(survivesJson({ list: [value] })).toBe(survivesRoundTrip({ list: [value] }));
  });

  it("is no value with properties of a prototype, although Node.js considers it equal", () => {
    expect(survivesJson(Object.create({ inherited: 1 }))).toBe(false);
  });

  it("ends at a depth that PostgreSQL reads", () => {
    const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

    expect(survivesJson(nested(2_000))).toBe(true);
    expect(() => survivesJson(nested(2_001))).toThrow(RangeError);
  });
});
