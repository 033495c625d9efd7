/** How many jobs are taken at once. */
export interface FetchSize {
  /** Asked before each fetch. */
  next(): number;
  /** What a fetch has brought. */
  note(fetch: Fetch): void;
}

export interface Fetch {
  readonly asked: number;
  readonly got: number;
  readonly tookMs: number;
}

/** Where a hundred jobs are begun within 25 ms, what limits them is how often they are fetched. */
const shortJobMs = 0.25;
/** Once may be long jobs that have ended together; nobody begins the jobs of two fetches before those of the first have ended. */
const leastFastInARow = 2;
const timesAsMany = 5;
const mostAtOnce = 10_000;
/** What a fetch takes is known after some: PostgreSQL plans the first five of a connection each anew, and reads pages. */
const leastFetches = 10;
/** Many do not pay where each of them takes so many times as long to get as each of few. */
const tooLong = 1.5;
/** Fetches that did not pay cost at most one part in so many of the time. */
const patience = 50;

/**
 * The usual number, or five times as many while jobs are begun so fast that even these are used up in a moment: nothing is
 * kept from other workers then.
 *
 * PostgreSQL may choose a far worse plan for many where it has no statistics of the table. Then few are taken until another
 * try is worth its time.
 */
export function createFetchSize(usual: number, now: () => number = () => performance.now()): FetchSize {
  const many = mostTaken(usual);
  let isFull = false;
  let usedUpBy = 0;
  let fastInARow = 0;
  let usualFetches = 0;
  let usualMsPerJob = Infinity;
  let wasTooLong = false;
  let onlyUsualUntil = -Infinity;

  return {
    next() {
      fastInARow = isFull && now() <= usedUpBy ? fastInARow + 1 : 0;
      const mayPay = usualFetches >= leastFetches && now() >= onlyUsualUntil;
      return fastInARow >= leastFastInARow && mayPay ? many : usual;
    },
    note({ asked, got, tookMs }) {
      isFull = got >= asked;
      usedUpBy = now() + got * shortJobMs;
      // What a fetch takes counts for little where it brings few: they say nothing about what each of many takes.
      if (!isFull || asked < usual) return;
      const msPerJob = tookMs / got;
      if (asked > usual) {
        // Once may be a write that had to wait for the disk; twice in a row is a plan.
        const isTooLong = msPerJob > usualMsPerJob * tooLong;
        if (isTooLong && wasTooLong) onlyUsualUntil = now() + tookMs * 2 * patience;
        wasTooLong = isTooLong;
        return;
      }
      usualFetches += 1;
      // The best of late: one that was held up says nothing, and a database that has become slower is noticed.
      usualMsPerJob = Math.min(msPerJob, usualMsPerJob * 1.1);
    },
  };
}

/** How many jobs one fetch takes at the most, where so many are usual. */
export function mostTaken(usual: number): number {
  return Math.max(usual, Math.min(usual * timesAsMany, mostAtOnce));
}
