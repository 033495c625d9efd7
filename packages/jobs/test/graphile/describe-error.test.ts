import { describe, expect, it } from "vitest";
import { describeError, stackOf } from "../../src/graphile/describe-error.ts";

const withStack = (stack: unknown) => Object.assign(new Error("x"), { stack });
const throwing = (name: string) =>
  Object.defineProperty(new Error("x"), name, {
    get() {
      throw new TypeError("unreadable");
    },
  });

describe("the stack of an error", () => {
  it("says where it was thrown", () => {
    expect(stackOf(new RangeError("on purpose"))).toMatch(/^RangeError: on purpose\n {4}at .*describe-error\.test\.ts/);
  });

  it("takes at most 4 KB, whatever its characters take, and none of them is cut in two", () => {
    expect(stackOf(withStack("x".repeat(10_000)))).toHaveLength(4_096);
    expect(stackOf(withStack(`a${"é".repeat(10_000)}`))).toBe(`a${"é".repeat(2_047)}`);
    expect(stackOf(withStack(`a${"👍".repeat(10_000)}`))).toBe(`a${"👍".repeat(1_023)}`);
  });

  it("has room for the calls although the message is very long", () => {
    const stack = stackOf(new Error("x".repeat(1_000_000)));

    expect(stack).toMatch(/^Error: …\n {4}at .*describe-error\.test\.ts/);
  });

  it("has nothing that PostgreSQL cannot store", () => {
    expect(stackOf(withStack("a\0b\ud83d"))).toBe("ab\ufffd");
  });

  it.each([
    ["a getter that throws", throwing("stack")],
    ["no text", withStack({ not: "text" })],
    ["nothing", withStack(undefined)],
    ["a thrown text", "just a text"],
    ["a thrown null", null],
    ["a message that throws", throwing("message")],
    ["no prototype", Object.create(null)],
    [
      "a class that throws",
      new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new TypeError("unreadable");
          },
        },
      ),
    ],
  ])("is missing where there is %s, and nothing is thrown", (_, thrown) => {
    expect(stackOf(thrown)).toBeUndefined();
    expect(describeError(thrown).message).not.toContain("    at ");
  });
});
