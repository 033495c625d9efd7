import { describe, expect, it } from "vitest";
import { lastTickUntil, tickAfter, ticksUntil, type Timing } from "../../src/schedule/ticks.ts";
import { referenceTicks } from "./reference-ticks.ts";

const cron = (pattern: string, timeZone = "UTC"): Timing => ({ cron: pattern, timeZone });
const ticks = (timing: Timing, from: string, to: string) => {
  const first = tickAfter(timing, new Date(from));
  const last = new Date(to);
  return first === undefined
    ? []
    : ticksUntil(timing, { first, last, limit: 10_000 }).map((tick) => tick.toISOString());
};

describe("the ticks of a cron pattern", () => {
  it("follow the time of the zone through the year", () => {
    expect(ticks(cron("0 9 1 1,7 *", "Europe/Berlin"), "2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z")).toEqual([
      "2026-01-01T08:00:00.000Z",
      "2026-07-01T07:00:00.000Z",
    ]);
  });

  it("come once, at the end of a skipped hour, if the pattern names the time", () => {
    expect(ticks(cron("30 2 * * *", "Europe/Berlin"), "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z")).toEqual([
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
  });

  it("come once, at the first time of a doubled hour, if the pattern names the time", () => {
    expect(ticks(cron("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z")).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
    ]);
  });

  it("go on in real time through both if the pattern has a step or a star in them", () => {
    expect(ticks(cron("*/30 * * * *", "Europe/Berlin"), "2026-03-29T00:01:00Z", "2026-03-29T01:59:00Z")).toEqual([
      "2026-03-29T00:30:00.000Z",
      "2026-03-29T01:00:00.000Z",
      "2026-03-29T01:30:00.000Z",
    ]);
    expect(ticks(cron("*/30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z")).toEqual([
      "2026-10-25T00:00:00.000Z",
      "2026-10-25T00:30:00.000Z",
      "2026-10-25T01:00:00.000Z",
      "2026-10-25T01:30:00.000Z",
    ]);
  });
});

/** Zones that skip and double half an hour, an hour, midnight, and a whole day. */
const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "America/Sao_Paulo",
  "Africa/Cairo",
  "Asia/Kathmandu",
  "Pacific/Apia",
];
const patterns = [
  "30 2 * * *",
  "0 0 * * *",
  "15 1,2,3 * * 0",
  "*/20 * * * *",
  "5 */3 * * *",
  "10 2 28-31 * *",
  "0 1-4 * * MON-FRI",
];

/** Each zone, in days in which its clock was set, or was not. */
const days: Readonly<Record<string, readonly string[]>> = {
  UTC: ["2026-03-26"],
  "Europe/Berlin": ["2026-03-26", "2026-10-22", "2026-06-01"],
  "America/New_York": ["2026-03-05", "2026-10-29"],
  "Australia/Lord_Howe": ["2026-04-02", "2026-10-01"],
  "America/Sao_Paulo": ["2018-11-01", "2019-02-14"],
  "Africa/Cairo": ["2024-04-24", "2024-10-29"],
  "Asia/Kathmandu": ["2026-03-26"],
  "Pacific/Apia": ["2011-12-28"],
};

describe.each(zones)("in %s, the ticks", (timeZone) => {
  it.each(patterns)("of %s are those that a minute by minute look at the clock gives", (pattern) => {
    for (const day of days[timeZone] ?? []) {
      const from = new Date(`${day}T00:00:00Z`);
      const to = new Date(from.getTime() + 4 * 86_400_000);
      const timing = cron(pattern, timeZone);

      expect(ticks(timing, from.toISOString(), to.toISOString())).toEqual(
        referenceTicks(pattern, timeZone, { from, to }),
      );
    }
  });

  it("are found backwards as forwards", () => {
    for (const day of days[timeZone] ?? []) {
      const from = new Date(`${day}T00:00:00Z`);
      for (const pattern of patterns) {
        const timing = cron(pattern, timeZone);
        const first = tickAfter(timing, from) as Date;
        const all = ticksUntil(timing, { first, last: new Date(from.getTime() + 4 * 86_400_000), limit: 10_000 });
        const found = (offsetMs: number) =>
          all.map((tick) => lastTickUntil(timing, { first, last: new Date(tick.getTime() + offsetMs) }));

        expect(found(0)).toEqual(all);
        // Of the first one there is none before.
        expect(found(-1)).toEqual(all.map((_, index) => all[Math.max(0, index - 1)]));
      }
    }
  });
});

describe("the ticks of other times", () => {
  it("are counted from 1970, so that all hosts mean the same", () => {
    expect(ticks({ everyMinutes: 90 }, "2026-01-01T00:10:00Z", "2026-01-01T05:00:00Z")).toEqual([
      "2026-01-01T01:30:00.000Z",
      "2026-01-01T03:00:00.000Z",
      "2026-01-01T04:30:00.000Z",
    ]);
  });

  it("of one time are that one, or none", () => {
    const timing = { at: "2026-01-01T00:00:00.000Z" };
    expect(tickAfter(timing, new Date("2025-12-31T23:59:59Z"))).toEqual(new Date(timing.at));
    expect(tickAfter(timing, new Date(timing.at))).toBeUndefined();
  });
});
