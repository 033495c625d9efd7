import { describe, expect, it } from "vitest";
import { MinuteCounts } from "../../src/statistics/minute-counts.ts";

describe("the counts of a worker", () => {
  it("are those of the tasks that ran, and begin anew once they are taken", () => {
    const counts = new MinuteCounts(["a", "b"]);

    counts.attemptDone("a", 3, 20);
    counts.attemptDone("a", 3, undefined);
    counts.attemptFailed("a", 700, { waitedMs: undefined, isDead: false });
    counts.attemptFailed("a", 700, { waitedMs: undefined, isDead: true });

    const [taken, ...others] = counts.take();
    expect(taken).toMatchObject({ task: "a", done: 2, failed: 2, dead: 1 });
    expect([filled(taken?.runCounts), filled(taken?.waitCounts)]).toEqual([{ 2: 2, 10: 2 }, { 5: 1 }]);
    expect([others, counts.take()]).toEqual([[], []]);
  });

  it("are added to those that came meanwhile if they could not be written", () => {
    const counts = new MinuteCounts(["a"]);
    counts.attemptFailed("a", 1, { waitedMs: 1, isDead: true });
    const taken = counts.take();
    counts.attemptDone("a", 1, 1);

    counts.putBack(taken);

    expect(counts.take()).toMatchObject([{ done: 1, failed: 1, dead: 1 }]);
  });

  it("do not grow with tasks that the worker does not have", () => {
    const counts = new MinuteCounts(["a"]);

    counts.attemptDone("b", 1, 1);
    counts.attemptFailed("b", 1, { waitedMs: 1, isDead: true });

    expect(counts.take()).toEqual([]);
  });
});

function filled(counts: readonly number[] = []): Record<number, number> {
  return Object.fromEntries([...counts.entries()].filter(([, count]) => count > 0));
}
