/**
 * The upper bounds of the buckets of histograms, in milliseconds, each twice the one before: from 1 ms to more than four hours. A
 * histogram has one bucket more, for whatever took longer than the last of them.
 *
 * @example
 * const [first] = await jobs.admin.minutes({ task: "send_receipt" });
 * for (const [index, count] of (first?.runCounts ?? []).entries()) log(histogramBoundsMs[index] ?? "longer", count);
 */
export const histogramBoundsMs: readonly number[] = Array.from({ length: 25 }, (_, exponent) => 2 ** exponent);

export const bucketCount = histogramBoundsMs.length + 1;
const longestMs = 2 ** (bucketCount - 2);

/** The bucket of a time. One below zero, as clocks that were set may give it, is in the first. */
export function bucketOf(ms: number): number {
  if (!(ms > 1)) return 0;
  // The place of the highest bit: no search, because each job comes here twice.
  return ms > longestMs ? bucketCount - 1 : 32 - Math.clz32(Math.ceil(ms) - 1);
}

/** The sum of two histograms. One that another version of this package has written may have another length. */
export function addCounts(one: readonly number[], other: readonly number[]): number[] {
  return Array.from({ length: bucketCount }, (_, bucket) => (one[bucket] ?? 0) + (other[bucket] ?? 0));
}

/**
 * The time that this share of the counted ones did not exceed. Estimated: within a bucket, times count as evenly spread.
 *
 * @param share - From 0 to 1.
 * @returns milliseconds, or `undefined` if nothing was counted.
 */
export function quantileOf(counts: readonly number[], share: number): number | undefined {
  let left = share * counts.reduce((sum, count) => sum + count, 0);
  let quantile: number | undefined;
  for (const [bucket, count] of counts.entries()) {
    if (count === 0) continue;
    const least = bucket === 0 ? 0 : (histogramBoundsMs[bucket - 1] ?? longestMs);
    const most = histogramBoundsMs[bucket] ?? longestMs;
    quantile = least + (most - least) * Math.min(1, left / count);
    if (left <= count) break;
    left -= count;
  }
  return quantile;
}
