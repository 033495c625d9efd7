import stringWidth from "fast-string-width";
import { assert, integer, property, string } from "fast-check";
import { expect, it } from "vitest";
import { cutTo, formatTable, type Column } from "../../src/cli/output/table.ts";

const columns: readonly Column<{ readonly name: string; readonly count: number; readonly error: string | null }>[] = [
  { title: "NAME", value: ({ name }) => name },
  { title: "COUNT", value: ({ count }) => count, align: "right" },
  { title: "ERROR", value: ({ error }) => error, isCut: true },
];

it("a table aligns names to the left and numbers to the right", () => {
  const rows = [
    { name: "a", count: 1_204, error: null },
    { name: "東京", count: 7, error: "boom" },
  ];
  expect(formatTable(columns, rows, undefined)).toBe(
    ["NAME  COUNT  ERROR", "a     1,204  –", "東京      7  boom"].join("\n"),
  );
});

it("a table that is wider than the terminal loses the end of what may be cut", () => {
  const rows = [{ name: "a", count: 1, error: "a message that is far too long for so narrow a terminal" }];
  const lines = formatTable(columns, rows, 40).split("\n");
  expect(lines[1]).toBe("a         1  a message that is far too …");
  expect(Math.max(...lines.map((line) => stringWidth(line)))).toBe(40);
});

it("a table in a pipe is not cut", () => {
  const error = "x".repeat(500);
  expect(formatTable(columns, [{ name: "a", count: 1, error }], undefined)).toContain(error);
});

it("a text that is cut never takes more columns than it may", () => {
  assert(
    property(string({ unit: "grapheme" }), integer({ min: 1, max: 40 }), (text, width) => {
      expect(stringWidth(cutTo(text, width))).toBeLessThanOrEqual(width);
    }),
  );
});
