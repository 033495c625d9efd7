import { describe, expect, it } from "vitest";
import { normaliseEmailAddress } from "../src/users/email-address.ts";
import { passwordField } from "../src/users/password-field.ts";

describe("normaliseEmailAddress", () => {
  it.each([
    ["ada@example.org", "ada@example.org"],
    ["  Ada@Example.ORG\n", "ada@example.org"],
    ["ada+news@example.org", "ada+news@example.org"],
    ["o'brien@example.org", "o'brien@example.org"],
    ["ada@bücher.example", "ada@xn--bcher-kva.example"],
    ["ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"],
    // A decomposed ü and a composed one.
    ["ju\u0308rgen@example.org", "j\u00fcrgen@example.org"],
    ["j\u00fcrgen@example.org", "j\u00fcrgen@example.org"],
  ])("brings %j into its one spelling", (input, expected) => {
    expect(normaliseEmailAddress(input)).toBe(expected);
  });

  it.each([
    "",
    "ada",
    "@example.org",
    "ada@",
    "ada@localhost",
    "ada@example..org",
    "ada@-example.org",
    "ada@127.0.0.1",
    "ada@127.1",
    "ada@[127.0.0.1]",
    "ada@example.org/path",
    "ada@example.org:25",
    "ada@user@example.org",
    "ada lovelace@example.org",
    ".ada@example.org",
    "ada..l@example.org",
    '"ada"@example.org',
    "ada@example.org\r\nBcc: eve@example.org",
    "ada\r\n@example.org",
    "ada@exam\u0000ple.org",
    "<ada@example.org>",
    `${"a".repeat(65)}@example.org`,
    `ada@${"a.".repeat(130)}org`,
    "a".repeat(1_000_000),
  ])("refuses what no mail can be sent to (%#)", (input) => {
    expect(normaliseEmailAddress(input)).toBeUndefined();
  });

  it("gives the same spelling to what it has spelled", () => {
    for (const input of ["Ada@Example.org", "ADA@BÜCHER.example", "ΣΊΣΥΦΟΣ@example.org"]) {
      const once = normaliseEmailAddress(input);
      expect(normaliseEmailAddress(once ?? "")).toBe(once);
    }
  });
});

describe("a password", () => {
  it.each(["12345678", "x".repeat(128), "🐴🔋📎✅🐴🔋📎✅", "       .", "ü".repeat(128)])("may be %j", (password) => {
    expect(passwordField.safeParse(password).success).toBe(true);
  });

  it.each([
    "",
    "1234567",
    "🐴🔋📎✅",
    "x".repeat(129),
    "🐴".repeat(129),
    "x".repeat(15_000),
    "12345678\ud800",
    12345678,
    null,
  ])("may not be %j", (password) => {
    expect(passwordField.safeParse(password).success).toBe(false);
  });

  it("is the same, however a keyboard composes its letters", () => {
    expect(passwordField.parse("schlu\u0308ssel")).toBe(passwordField.parse("schl\u00fcssel"));
  });
});
