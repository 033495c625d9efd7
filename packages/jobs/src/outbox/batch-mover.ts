import { BatchRefusedError, longestMoveMs, moveBatch, type MovedBatch, type RelayPools } from "./move-batch.ts";

/** Moves one batch after the other. A row that is refused is looked for among ever fewer; the others of its batch are moved beside it. */
export function createBatchMover(pools: RelayPools, batchSize: number): () => Promise<MovedBatch> {
  let size = batchSize;

  return async function moveNext(): Promise<MovedBatch> {
    const startedAt = performance.now();
    try {
      const moved = await moveBatch(pools, size);
      // More of what takes long would take longer than it may.
      if (performance.now() - startedAt < longestMoveMs / 4) size = Math.min(batchSize, size * 2);
      return moved;
    } catch (error) {
      if (!(error instanceof BatchRefusedError)) throw error;
      size = Math.max(1, Math.floor(error.rowCount / 2));
      return moveNext();
    }
  };
}
