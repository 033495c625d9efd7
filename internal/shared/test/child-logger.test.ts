import { describe, expect, it } from "vitest";
import { childLogger } from "../src/child-logger.ts";
import type { Logger } from "../src/logger.ts";
import { protectLogger } from "../src/protect-logger.ts";

function collecting(lines: unknown[], more: object = {}): Logger {
  const at = (level: string) => (fields: object, message: string) => void lines.push([level, { ...fields }, message]);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), ...more };
}

describe("the child of a logger", () => {
  it("adds its fields to each line of a logger that has no children", () => {
    const lines: unknown[] = [];

    const child = childLogger(collecting(lines), () => ({ task: "t", attempt: 1 }));
    child.debug({}, "a");
    child.info({ attempt: 2 }, "b");
    child.warn({}, "c");
    child.error({}, "d");

    expect(lines).toEqual([
      ["debug", { task: "t", attempt: 1 }, "a"],
      ["info", { task: "t", attempt: 2 }, "b"],
      ["warn", { task: "t", attempt: 1 }, "c"],
      ["error", { task: "t", attempt: 1 }, "d"],
    ]);
  });

  it("is made by the logger itself where it can have one, also behind a protection, and not before its first line", () => {
    const lines: unknown[] = [];
    const given: object[] = [];
    const logger = collecting([], { child: (fields: object) => (given.push(fields), collecting(lines)) });

    childLogger(logger, () => ({ task: "unused" }));
    childLogger(logger, () => ({ task: "t" })).info({}, "a");
    childLogger(protectLogger(logger, collecting([])), () => ({ task: "u" })).info({}, "b");

    expect(given).toEqual([{ task: "t" }, { task: "u" }]);
    expect(lines).toEqual([
      ["info", {}, "a"],
      ["info", {}, "b"],
    ]);
  });

  it.each([
    ["throws", raise],
    ["returns nothing", () => undefined],
    ["returns a logger that throws", () => collecting([], { info: raise })],
  ])("is a wrapper if the logger's own method %s", (_, child) => {
    const lines: unknown[] = [];

    childLogger(collecting(lines, { child }), () => ({ task: "t" })).info({ own: 1 }, "a");
    const protectedLines: unknown[] = [];
    const other: unknown[] = [];
    childLogger(protectLogger(collecting(protectedLines, { child }), collecting(other)), () => ({ task: "t" })).info(
      {},
      "b",
    );

    expect(lines).toEqual([["info", { task: "t", own: 1 }, "a"]]);
    expect([...protectedLines, ...other]).toEqual([["info", { task: "t" }, "b"]]);
  });
});

function raise(): never {
  throw new Error("no");
}
