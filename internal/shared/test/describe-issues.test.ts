import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { describeIssues } from "../src/describe-issues.ts";
import type { StandardSchema } from "../src/standard-schema.ts";

/** One of each kind of wrong value, and what must not be read of it. */
const secrets: readonly { readonly what: string; readonly value: unknown; readonly traces: readonly string[] }[] = [
  { what: "a number of a card", value: 4_111_111_111_111_111, traces: ["4111"] },
  { what: "a short text", value: "737", traces: ["737"] },
  { what: "one letter", value: "Ω", traces: ["Ω"] },
  { what: "a text with quotes", value: 'Ada "the first" Lovelace', traces: ["Ada", "first", "Lovelace"] },
  { what: "a text of several lines", value: "12 Main St\nNewtown\tX", traces: ["Main", "ewtown"] },
  { what: "a bigint", value: 98_765_432_109n, traces: ["98765"] },
  { what: "a date", value: new Date("1984-06-07T08:09:10Z"), traces: ["1984"] },
  { what: "signs alone", value: "!@#$%^&*", traces: ["!@#"] },
  { what: "pictures", value: "😀😡", traces: ["😀"] },
  { what: "words that schemas use", value: "missing value", traces: ["missing value"] },
  { what: "backslashes", value: String.raw`\1\2\u1234`, traces: [String.raw`\1`, String.raw`\2`] },
  { what: "true", value: true, traces: ["true"] },
  { what: "a symbol", value: Symbol("hunter"), traces: ["hunter"] },
  { what: "a long text", value: "secret ".repeat(500), traces: ["secret"] },
];

const schemas = (what: string): readonly (readonly [string, StandardSchema])[] => [
  ["zod", z.object({ field: z.enum(["red", "blue"]) })],
  [
    "zod with a message of its own",
    z.object({ field: z.any().refine(() => false, { error: (issue) => `${String(issue.input)} is ${what}` }) }),
  ],
  ["valibot", v.object({ field: v.picklist(["red", "blue"]) })],
  ["valibot by length", v.object({ field: v.pipe(v.string(), v.maxLength(0)) })],
  ["arktype", type({ field: "'red' | 'blue'" })],
  ["arktype by length", type({ field: "string <= 0" })],
];

describe("the description of an input that does not fit", () => {
  it.each(secrets)("contains nothing of $what, whatever the schema", async ({ what, value, traces }) => {
    const input = { field: value };
    const said: string[] = [];
    for (const [name, schema] of schemas(what)) {
      const result = await schema["~standard"].validate(input);
      said.push(`${name}: ${describeIssues(result.issues ?? [], input)}`);
    }

    for (const text of said) expect(text).toMatch(/: field: ./);
    expect(traces.filter((trace) => said.some((text) => text.includes(trace)))).toEqual([]);
  });

  it("is the message of the schema if that contains nothing of the input", async () => {
    const input = { name: 5, age: "x" };
    const issuesOf = async (schema: StandardSchema) => (await schema["~standard"].validate(input)).issues ?? [];

    const said = [
      describeIssues(await issuesOf(z.object({ name: z.string() })), input),
      describeIssues(await issuesOf(v.object({ missing: v.string() })), input),
      describeIssues(await issuesOf(type({ name: "string" })), input),
    ];

    expect(said).toEqual([
      "name: Invalid input: expected string, received number",
      'missing: Invalid key: Expected "missing" but received undefined',
      "name: name must be a string (was a number)",
    ]);
  });

  it("names a place by plain names and positions alone", () => {
    const input = { orders: ["", "", "", { "ada@example.org": {} }], cards: new Map([[4_111_111_111_111_111, 1]]) };
    const path = ["orders", 3, "ada@example.org", { key: "4111111111111111" }, Symbol("s"), "total"];

    expect(describeIssues([{ message: "Invalid", path }], input)).toBe("orders.3.[…].[…].[…].total: Invalid");
    expect(describeIssues([{ message: "Invalid", path: ["cards", 4_111_111_111_111_111] }], input)).toBe(
      "cards.[…]: Invalid",
    );
  });

  it("is short and quickly made, however large the input is", () => {
    const lines = Array.from({ length: 20_000 }, (_, n) => ({ sku: "", n }));
    const issues = lines.map((_, n) => ({ message: "Too small", path: ["lines", n, "sku"] }));
    const beganAt = performance.now();

    const said = describeIssues(issues, { lines });

    expect(said).toMatch(/^lines\.0\.sku: does not fit; .*; and 19990 more$/);
    const comparedOnce = performance.now();
    JSON.stringify(lines);
    JSON.parse(JSON.stringify(lines));
    expect(comparedOnce - beganAt).toBeLessThan(20 * (performance.now() - comparedOnce) + 20);
    expect(describeIssues([{ message: "Invalid" }], { bytes: Buffer.alloc(5_000_000) })).toBe("does not fit");
  });

  it("leaves the message out if the input cannot be read", () => {
    const input = {
      get field() {
        throw new Error("no");
      },
    };

    expect(describeIssues([{ message: "Invalid", path: ["field"] }], input)).toBe("field: does not fit");
  });
});
