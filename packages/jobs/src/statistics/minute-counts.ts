import { bucketCount, bucketOf } from "./histogram.ts";

/** What has become of the attempts of one task since the last flush. */
export interface TaskCounts {
  readonly task: string;
  /** Attempts that succeeded. */
  readonly done: number;
  /** Attempts that failed, also those after which the job was dead. */
  readonly failed: number;
  /** Jobs that have failed for good. */
  readonly dead: number;
  /** How long attempts took, those that failed included. */
  readonly runCounts: readonly number[];
  /** How long jobs were due before their first attempt began. */
  readonly waitCounts: readonly number[];
}

/** The words of a task: two counts, then the two histograms. What was done is what has run and has not failed. */
const failedAt = 0;
const deadAt = 1;
const runAt = 2;
const waitAt = runAt + bucketCount;
const wordCount = waitAt + bucketCount;

/** Counts in memory. A job costs two increments and no allocation. */
export class MinuteCounts {
  readonly #byTask: ReadonlyMap<string, Uint32Array>;

  constructor(tasks: Iterable<string>) {
    this.#byTask = new Map(Array.from(tasks, (task) => [task, new Uint32Array(wordCount)]));
  }

  /** @param waitedMs - `undefined` for a later attempt than the first, and where it is not known. */
  attemptDone(task: string, ranMs: number, waitedMs: number | undefined): void {
    const words = this.#byTask.get(task);
    if (words === undefined) return;
    increase(words, runAt + bucketOf(ranMs));
    if (waitedMs !== undefined) increase(words, waitAt + bucketOf(waitedMs));
  }

  attemptFailed(task: string, ranMs: number, { waitedMs, isDead }: FailedRunTimes): void {
    this.attemptDone(task, ranMs, waitedMs);
    const words = this.#byTask.get(task);
    if (words === undefined) return;
    increase(words, failedAt);
    if (isDead) increase(words, deadAt);
  }

  /** The counts of the tasks that have any, which begin anew. */
  take(): TaskCounts[] {
    const taken: TaskCounts[] = [];
    for (const [task, words] of this.#byTask) {
      const runCounts = [...words.subarray(runAt, waitAt)];
      const ranCount = runCounts.reduce((sum, count) => sum + count, 0);
      if (ranCount === 0) continue;
      const [failed = 0, dead = 0] = words;
      taken.push({ task, done: ranCount - failed, failed, dead, runCounts, waitCounts: [...words.subarray(waitAt)] });
      words.fill(0);
    }
    return taken;
  }

  /** Adds counts that were taken and could not be written. */
  putBack(taken: readonly TaskCounts[]): void {
    for (const { task, failed, dead, runCounts, waitCounts } of taken) {
      const words = this.#byTask.get(task);
      if (words === undefined) continue;
      for (const [word, count] of [failed, dead, ...runCounts, ...waitCounts].entries()) increase(words, word, count);
    }
  }
}

interface FailedRunTimes {
  readonly waitedMs: number | undefined;
  readonly isDead: boolean;
}

function increase(words: Uint32Array, word: number, by = 1): void {
  words[word] = (words[word] ?? 0) + by;
}
