/** What a pool has taken, and how much more it may take without keeping jobs from others. */
export interface Slots {
  /** How many jobs may be taken now: as many as begin at once, and those that most likely begin within a tenth of a second. */
  allowed(): number;
  taken(count: number): void;
  /** One of those taken begins; call what it returns when it has ended. */
  began(): () => void;
  /** They were taken and have not begun. */
  gaveBack(count: number): void;
}

const aheadMs = 100;
/** How much the last job says about the next. */
const weight = 0.1;

/**
 * Jobs are taken ahead only where the last ones were short: of long ones each would wait behind those that run, while another worker
 * may be idle. A job that runs for long already says so before it has ended.
 *
 * @param onFree - A job has ended.
 */
export function createSlots(
  concurrency: number,
  onFree: () => void,
  now: () => number = () => performance.now(),
): Slots {
  let openCount = 0;
  let usualMs: number | undefined;
  // In the order in which they have begun.
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
      // Those that began together end together: what is taken ahead of them waits for all of their time.
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
