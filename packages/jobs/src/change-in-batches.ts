/** How far a change has come. */
export interface Progress {
  /** How many were changed or skipped. */
  readonly doneCount: number;
  /** How many there were at the start. */
  readonly total: number;
  /** Whether there were more than `total`: it is counted to 10,000, and for two seconds at most. */
  readonly isTotalCapped: boolean;
}

/** How a change of many is stopped and watched. */
export interface ChangeOptions {
  /** Aborted between two batches, the call rejects with the signal's reason. What was changed stays changed. */
  readonly signal?: AbortSignal;
  /** Called after each batch of at most 500. If it throws, the call rejects with its error. */
  readonly onProgress?: (progress: Progress) => void;
}

/** What became of a change. */
export interface ChangeResult {
  readonly changedCount: number;
  /** Those that could not be changed, or needed no change: locked by a worker, gone meanwhile, or due already. */
  readonly skippedCount: number;
}

/** What became of one batch. */
export interface ChangedBatch<Cursor> extends ChangeResult {
  /** Where the next batch begins. `undefined` if there is none. */
  readonly next: Cursor | undefined;
}

interface BatchedChange<Cursor> {
  count(): Promise<{ readonly count: number; readonly isCapped: boolean }>;
  /** @param from - `undefined` for the first batch. */
  change(from: Cursor | undefined): Promise<ChangedBatch<Cursor>>;
}

/** Changes batch by batch, until there is none left or the signal is aborted. Counts only if somebody wants to know. */
export async function changeInBatches<Cursor>(
  { signal, onProgress }: ChangeOptions,
  { count, change }: BatchedChange<Cursor>,
): Promise<ChangeResult> {
  signal?.throwIfAborted();
  const counted = onProgress ? await count() : { count: 0, isCapped: false };
  let [changedCount, skippedCount] = [0, 0];
  let from: Cursor | undefined;
  do {
    signal?.throwIfAborted();
    const batch = await change(from);
    changedCount += batch.changedCount;
    skippedCount += batch.skippedCount;
    const doneCount = changedCount + skippedCount;
    // Others may have added some since they were counted.
    onProgress?.({ doneCount, total: Math.max(counted.count, doneCount), isTotalCapped: counted.isCapped });
    from = batch.next;
  } while (from !== undefined);
  return { changedCount, skippedCount };
}
