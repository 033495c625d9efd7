import { describe, expect, it } from "vitest";
import { parseDuration } from "../../src/cli/input/duration.ts";
import { parseFutureTime, parsePastTime } from "../../src/cli/input/time.ts";
import { formatDuration, formatTime } from "../../src/cli/output/time.ts";
import { UsageError } from "../../src/cli/usage-error.ts";

const now = Date.parse("2026-11-21T13:00:00Z");

describe("a duration on the command line", () => {
  it.each([
    ["90s", 90_000],
    ["1.5h", 5_400_000],
    ["10min", 600_000],
    ["10m", 600_000],
    ["7d", 604_800_000],
    ["1h30min", 5_400_000],
    ["2 h", 7_200_000],
    ["40ms", 40],
  ])("%s is %i milliseconds", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["", "10", "h", "10 parsecs", "-1h", "1h!", "1e9d", "1000000d", "10months"])("%o is none", (text) => {
    expect(() => parseDuration(text)).toThrow(UsageError);
  });
});

describe("a time on the command line", () => {
  it("may be a duration before now or after now", () => {
    expect(parsePastTime("2h", now).toISOString()).toBe("2026-11-21T11:00:00.000Z");
    expect(parseFutureTime("2h", now).toISOString()).toBe("2026-11-21T15:00:00.000Z");
  });

  it("may be in ISO format, with an offset or in local time", () => {
    expect(parsePastTime("2026-11-21T13:00+01:00").toISOString()).toBe("2026-11-21T12:00:00.000Z");
    expect(parsePastTime("2026-11-21T13:00").getHours()).toBe(13);
    expect(parsePastTime("2026-11-21").getHours()).toBe(0);
  });

  it.each(["yesterday", "2026-13-01", "21.11.2026", "2026-11-21T25:00", "1700000000"])("%o is none", (text) => {
    expect(() => parsePastTime(text)).toThrow(UsageError);
  });
});

describe("a printed time", () => {
  it.each([
    [40, "40 ms"],
    [1_100, "1.1 s"],
    [14_000, "14 s"],
    [842_000, "14 min 2 s"],
    [3_600_000, "1 h"],
    [273_600_000, "3 d 4 h"],
  ])("%i ms are printed as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it("is relative to now, or in ISO format", () => {
    expect(formatTime(new Date(now - 842_000), "relative", now)).toBe("14 min 2 s ago");
    expect(formatTime(new Date(now + 7_200_000), "relative", now)).toBe("in 2 h");
    expect(formatTime(new Date(now), "iso")).toBe("2026-11-21T13:00:00.000Z");
  });
});
