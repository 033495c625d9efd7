import { describe, expect, it } from "vitest";
import { createProgress } from "../../src/worker/progress.ts";

function progressOf({ pollIntervalMs = 1_000 } = {}) {
  const at = { now: 0, isBusy: false };
  const progress = createProgress({ pollIntervalMs, isBusy: () => at.isBusy }, () => at.now);
  return {
    progress,
    at,
    fetch(now: number, failure?: Error) {
      at.now = now;
      progress.beginFetch()(failure);
    },
    stateAt(now: number) {
      at.now = now;
      return progress.state;
    },
  };
}

describe("the progress of a pool", () => {
  it("goes on while it fetches jobs and is answered", () => {
    const { fetch, stateAt } = progressOf();

    fetch(1_000);

    expect(stateAt(11_999)).toBe("going on");
  });

  it("is held up after a fetch that failed, until one is answered", () => {
    const { fetch, stateAt } = progressOf();

    fetch(1_000, new Error("refused"));
    const failed = stateAt(1_001);
    fetch(2_000);

    expect([failed, stateAt(2_001)]).toEqual(["held up", "going on"]);
  });

  it("is held up, not silent, while a fetch takes longer than fetches normally do", () => {
    const { progress, stateAt } = progressOf();
    const ended = progress.beginFetch();
    const states = [stateAt(5_000), stateAt(5_001), stateAt(60_000)];

    ended();

    expect([...states, stateAt(60_001)]).toEqual(["going on", "held up", "held up", "going on"]);
  });

  it("is silent when it has room and has not fetched for longer than its poll", () => {
    const { fetch, stateAt } = progressOf({ pollIntervalMs: 5_000 });

    fetch(1_000);

    expect([stateAt(16_000), stateAt(16_001)]).toEqual(["going on", "silent"]);
  });

  it("allows a busy pool not to fetch, also for a moment after it has room", () => {
    const { at, fetch, stateAt } = progressOf();
    fetch(1_000);
    at.isBusy = true;
    const busy = stateAt(3_600_000);
    at.isBusy = false;

    expect([busy, stateAt(3_611_000), stateAt(3_611_001)]).toEqual(["going on", "going on", "silent"]);
  });
});
