import { assert, property, string } from "fast-check";
import { expect, it } from "vitest";
import { printable } from "../../src/cli/output/printable.ts";

it("text of strangers cannot move the cursor, set a title or end a line", () => {
  expect(printable("a\x1b[2Jb\x07\r\nc\u202ed")).toBe("a\\u{1b}[2Jb\\u{7} ⏎ c\\u{202e}d");
});

it("whatever the text, nothing but printable characters are left", () => {
  assert(
    property(string({ unit: "binary" }), (text) => {
      const printed = printable(text);
      expect(printed).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(printed.isWellFormed()).toBe(true);
    }),
  );
});

it("letters, accents and ideographs stay as they are", () => {
  expect(printable("Zürich 東京 – ok")).toBe("Zürich 東京 – ok");
});
