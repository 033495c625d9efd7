/** How many jobs a pool has fetched, and how many more it may fetch without keeping them from other workers. */
export interface Slots {
  /**
   * How many jobs may be fetched now: as many as begin at once, and those that most likely begin within a tenth of a
   * second.
   */
  allowed(): number;
  taken(count: number): void;
  /** One of the fetched jobs begins. Call the returned function when it has ended. */
  began(): () => void;
  /** Fetched jobs that have not begun were given back. */
  gaveBack(count: number): void;
}

const aheadMs = 100;
/** The weight of the last job in the average duration. */
const weight = 0.1;

/**
 * Jobs are fetched ahead only if the last ones were short. Long jobs would wait behind those that run, while another worker may
 * be idle. A job that has already run for long counts as long before it has ended.
 *
 * @param onFree - Called when a job has ended.
 */
export function createSlots(
  concurrency: number,
  onFree: () => void,
  now: () => number = () => performance.now(),
): Slots {
  let openCount = 0;
  let usualMs: number | undefined;
  // In the order in which they began.
  const runs = new Set<{ readonly beganAt: number }>();

  const longCount = () => {
    let count = 0;
    for (const { beganAt } of runs) {
      if (now() - beganAt < aheadMs) break;
      count += 1;
    }
    return count;
  };

  return {
    allowed() {
      const free = Math.max(0, concurrency - openCount);
      // Jobs that began together end together, so jobs fetched ahead would wait for all of that time.
      if (usualMs === undefined || usualMs >= aheadMs) return free;
      return free + Math.floor((aheadMs * Math.max(0, concurrency - longCount())) / Math.max(usualMs, 0.001));
    },
    taken(count) {
      openCount += count;
    },
    began() {
      const run = { beganAt: now() };
      runs.add(run);
      return () => {
        runs.delete(run);
        openCount -= 1;
        const tookMs = now() - run.beganAt;
        usualMs = usualMs === undefined ? tookMs : usualMs + (tookMs - usualMs) * weight;
        onFree();
      };
    },
    gaveBack(count) {
      openCount -= count;
    },
  };
}
