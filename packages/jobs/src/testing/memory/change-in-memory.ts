import { changeInBatches, type ChangeOptions, type ChangeResult } from "../../change-in-batches.ts";
import type { MemoryLetter } from "./memory-letter.ts";

const batchSize = 500;

/** @param change - Changes a batch. @returns how many it has changed. */
export function changeInMemory(
  options: ChangeOptions,
  letters: readonly MemoryLetter[],
  change: (batch: readonly MemoryLetter[]) => number,
): Promise<ChangeResult> {
  return changeInBatches<number>(options, {
    count: async () => ({ count: letters.length, isCapped: false }),
    async change(from = 0) {
      const batch = letters.slice(from, from + batchSize);
      const changedCount = change(batch);
      const next = batch.length < batchSize ? undefined : from + batchSize;
      return { changedCount, skippedCount: batch.length - changedCount, next };
    },
  });
}
