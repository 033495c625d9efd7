import { describe, expect, it } from "vitest";
import { currentCorrelation, replaceCorrelation, withCorrelation } from "../src/correlation.ts";

describe("a correlation", () => {
  it("holds for what the function calls, awaits and starts, and for nothing else", async () => {
    const seen: unknown[] = [];
    let late: Promise<void> | undefined;

    const result = await withCorrelation({ requestId: "r" }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(currentCorrelation());
      late = new Promise((resolve) => setImmediate(() => resolve(void seen.push(currentCorrelation()))));
      return "the result";
    });
    seen.push(currentCorrelation());
    await late;

    expect(result).toBe("the result");
    expect(seen).toEqual([{ requestId: "r" }, {}, { requestId: "r" }]);
  });

  it("keeps inside another what is not given, and replaces type and id of an event together", () => {
    const inside = (inner: object) =>
      withCorrelation({ requestId: "r", eventType: "a", eventId: "1" }, () =>
        withCorrelation(inner, currentCorrelation),
      );

    expect(inside({ requestId: "s" })).toEqual({ requestId: "s", eventType: "a", eventId: "1" });
    expect(inside({ eventType: "b" })).toEqual({ requestId: "r", eventType: "b" });
    expect(inside({})).toEqual({ requestId: "r", eventType: "a", eventId: "1" });
    expect(inside({ requestId: undefined, eventId: undefined })).toEqual({
      requestId: "r",
      eventType: "a",
      eventId: "1",
    });
  });

  it.each([
    "",
    "a b",
    "a\nb",
    "a\n",
    'a"b',
    String.raw`a\b`,
    "a{b",
    "a,b",
    "é",
    "x".repeat(129),
    7,
    null,
    ["a"],
    { toString: () => "a" },
  ])("leaves out a value that does not fit, and does not cut it: %j", (requestId) => {
    const seen = withCorrelation({ requestId: requestId as string, eventType: "a" }, currentCorrelation);

    expect(seen).toEqual({ eventType: "a" });
    expect(withCorrelation({ requestId: requestId as string }, currentCorrelation)).toEqual({});
  });

  it.each(["a", "x".repeat(128), "A-z_0.9:/b", "01a2055e-b066-723b-a322-7d15695cac5e"])("takes %s", (requestId) => {
    expect(withCorrelation({ requestId }, currentCorrelation)).toEqual({ requestId });
  });

  it("has no id of an event with a slash, by which type and id are told apart", () => {
    expect(withCorrelation({ eventType: "a/b", eventId: "c/d" }, currentCorrelation)).toEqual({ eventType: "a/b" });
  });

  it("can neither be changed, nor inherited where it is replaced by none", () => {
    withCorrelation({ requestId: "r" }, () => {
      expect(() => Object.assign(currentCorrelation(), { requestId: "s" })).toThrow(TypeError);
      expect(replaceCorrelation(undefined, currentCorrelation)).toEqual({});
      expect(replaceCorrelation({ requestId: "t" }, currentCorrelation)).toEqual({ requestId: "t" });
      expect(currentCorrelation()).toEqual({ requestId: "r" });
    });
    expect(() => Object.assign(currentCorrelation(), { requestId: "s" })).toThrow(TypeError);
  });
});
