import { describe, expect, it } from "vitest";
import { addCounts, bucketCount, bucketOf, quantileOf } from "../../src/statistics/histogram.ts";
import { histogramBoundsMs } from "../../src/index.ts";

describe("a histogram", () => {
  it("has 26 buckets, from a millisecond to more than four hours, each bound twice the one before", () => {
    expect(bucketCount).toBe(26);
    expect([histogramBoundsMs[0], histogramBoundsMs[10], histogramBoundsMs.at(-1)]).toEqual([1, 1_024, 2 ** 24]);
  });

  it("puts each time into the first bucket whose bound it does not exceed", () => {
    for (const [bucket, bound] of histogramBoundsMs.entries()) {
      expect([bucketOf(bound), bucketOf(bound + 0.001)]).toEqual([bucket, bucket + 1]);
    }
  });

  it("has a bucket for any time, also for one that clocks or a long sleep have made absurd", () => {
    expect([-5, 0, Number.NaN].map(bucketOf)).toEqual([0, 0, 0]);
    expect([2 ** 24 + 1, 2 ** 33 + 1, Infinity].map(bucketOf)).toEqual([25, 25, 25]);
  });

  it("can be added to one of another length", () => {
    expect(addCounts([1, 2], [10])).toEqual([11, 2, ...Array.from({ length: 24 }, () => 0)]);
  });
});

describe("a quantile", () => {
  const counts = (filled: Record<number, number>) =>
    Array.from({ length: bucketCount }, (_, bucket) => filled[bucket] ?? 0);

  it("lies in the bucket of its rank, as far as its share of it", () => {
    // A hundred of up to 1 ms, a hundred of 8 to 16 ms.
    const histogram = counts({ 0: 100, 4: 100 });

    expect(quantileOf(histogram, 0.25)).toBe(0.5);
    expect(quantileOf(histogram, 0.5)).toBe(1);
    expect(quantileOf(histogram, 0.75)).toBe(12);
    expect(quantileOf(histogram, 1)).toBe(16);
  });

  it("is the longest bound where more cannot be known", () => {
    expect(quantileOf(counts({ 25: 3 }), 0.5)).toBe(2 ** 24);
  });

  it("is missing where nothing was counted", () => {
    expect([quantileOf([], 0.5), quantileOf(counts({}), 0.95)]).toEqual([undefined, undefined]);
  });
});
