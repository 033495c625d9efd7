import { describe, expect, it } from "vitest";
import { createGrace } from "../../src/worker/grace.ts";

function graceAt(start = 0) {
  let clock = start;
  const grace = createGrace({ deadAfterMs: 3_000, longestBeatMs: 5_000 }, () => clock);
  return {
    grace,
    beat(at: number, isConnected = true) {
      clock = at;
      grace.beginBeat({ isConnected });
      grace.endBeat({ isGiven: true });
      return grace.isOver;
    },
  };
}

describe("the time in which a worker considers no worker dead", () => {
  it("is the age of an old heartbeat after its own start", () => {
    const { beat } = graceAt();

    expect([beat(0, false), beat(1_000), beat(2_999), beat(3_000)]).toEqual([false, false, false, true]);
  });

  it("is long enough after a lost connection for a worker to come back that waited in a heartbeat", () => {
    const { beat } = graceAt();
    const before = [beat(0, false), beat(2_000), beat(4_000)];

    expect(before.at(-1)).toBe(true);
    expect([beat(5_000, false), beat(8_000), beat(10_999), beat(11_000)]).toEqual([false, false, false, true]);
  });

  it("is as long for a worker that could not connect at first", () => {
    const { grace, beat } = graceAt();
    grace.endBeat({ isGiven: false });

    expect([beat(1_000, false), beat(4_000), beat(6_999), beat(7_000)]).toEqual([false, false, false, true]);
  });

  it("begins again if its own heartbeat was late although the connection lives", () => {
    const { beat } = graceAt();
    const before = [beat(0, false), beat(2_000), beat(4_000)];

    expect(before.at(-1)).toBe(true);
    expect([beat(7_001), beat(9_000), beat(11_000), beat(13_001)]).toEqual([false, false, false, true]);
  });

  it("counts together over any number of breaks for a heartbeat that stays as it is, and for no other", () => {
    const { grace, beat } = graceAt();
    const isOver: boolean[] = [];
    const found: string[][] = [];
    // Up for four seconds, six times, and never for as long as the time is after a break.
    for (let at = 0; at < 60_000; at += 10_000) {
      for (let up = 0; up <= 4_000; up += 1_000) {
        isOver.push(beat(at + up, up > 0 || at === 0) && at > 0);
        const signs = [
          { poolId: "dead", heartbeat: "a" },
          { poolId: "living", heartbeat: String(at + up) },
        ];
        found.push(grace.unchangedAmong(signs).map(({ poolId }) => poolId));
      }
      grace.endBeat({ isGiven: false });
    }

    expect(isOver).not.toContain(true);
    // Four seconds of the first time, and two of the second.
    expect(found.slice(0, 7).flat()).toEqual([]);
    expect(new Set(found.slice(7).map(String))).toEqual(new Set(["dead"]));
  });
});
