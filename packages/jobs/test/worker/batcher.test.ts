import { describe, expect, it } from "vitest";
import { createBatcher } from "../../src/worker/batcher.ts";

/** Doubles numbers, and remembers which came together and when. */
function doubler(restMs?: number) {
  const calls: { readonly at: number; readonly items: readonly number[] }[] = [];
  const double = createBatcher<number, number>(async (items) => {
    calls.push({ at: performance.now(), items });
    if (items.includes(13)) throw new Error("thirteen");
    return items.map((item) => item * 2);
  }, restMs);
  return { calls, double };
}

describe("a batcher", () => {
  it("makes one call for callers that come at the same time, and gives each its own result", async () => {
    const { calls, double } = doubler();

    expect(await Promise.all([double(1), double(2), double(3)])).toEqual([2, 4, 6]);
    expect(calls.map(({ items }) => items)).toEqual([[1, 2, 3]]);
  });

  it("lets callers that come while a call is under way share the next call", async () => {
    const { calls, double } = doubler();
    const first = double(1);
    // One turn of the microtasks later the first call has begun.
    await Promise.resolve().then(() => undefined);

    await Promise.all([first, double(2), double(3)]);

    expect(calls.map(({ items }) => items)).toEqual([[1], [2, 3]]);
  });

  it("rejects for the callers that shared a failed call, and for no others", async () => {
    const { double } = doubler();

    await expect(Promise.all([double(12), double(13)])).rejects.toThrow("thirteen");
    await expect(double(14)).resolves.toBe(28);
  });

  it("begins at once, and rests between the starts of two calls", async () => {
    const restMs = 100;
    const { calls, double } = doubler(restMs);
    const askedAt = performance.now();

    for (const item of [1, 2, 3]) await double(item);

    const [first = NaN, second = NaN, third = NaN] = calls.map(({ at }) => at);
    expect(first - askedAt).toBeLessThan(restMs / 2);
    // A timer may be early by less than a millisecond.
    expect(second - first).toBeGreaterThan(restMs - 1);
    expect(third - second).toBeGreaterThan(restMs - 1);
  });
});
