/** How many jobs one fetch asks for. */
export interface FetchSize {
  /** The limit for the next fetch. */
  next(): number;
  /** Records the result of a fetch. */
  note(fetch: Fetch): void;
}

export interface Fetch {
  readonly asked: number;
  readonly got: number;
  readonly tookMs: number;
}

/** If a hundred jobs begin within 25 ms, the frequency of fetches is what limits them. */
const shortJobMs = 0.25;
/**
 * One fast fetch may mean that long jobs have ended together. Two in a row cannot: the jobs of the first must have ended before
 * those of the second can begin.
 */
const leastFastInARow = 2;
const timesAsMany = 5;
const mostAtOnce = 10_000;
/**
 * The first fetches say little about the time of one: PostgreSQL plans the first five of a connection anew, and reads
 * pages.
 */
const leastFetches = 10;
/** A large fetch does not pay if a job of it takes this many times as long as a job of a usual fetch. */
const tooLong = 1.5;
/** Large fetches that do not pay may cost at most 1/50 of the time. */
const patience = 50;

/**
 * The usual number, or five times as many while jobs begin so fast that even these are used up in a moment. So they are not kept
 * from other workers.
 *
 * PostgreSQL may choose a far worse plan for a large fetch if it has no statistics of the table. Then the usual number is fetched
 * until another try is worth its time.
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
      // A fetch that brings few jobs is not measured: its fixed costs would be divided among too few.
      if (!isFull || asked < usual) return;
      const msPerJob = tookMs / got;
      if (asked > usual) {
        // One slow fetch may have waited for the disk. Two in a row have a bad plan.
        const isTooLong = msPerJob > usualMsPerJob * tooLong;
        if (isTooLong && wasTooLong) onlyUsualUntil = now() + tookMs * 2 * patience;
        wasTooLong = isTooLong;
        return;
      }
      usualFetches += 1;
      // The best of the last fetches: a single slow one changes little, and a database that becomes slower is still noticed.
      usualMsPerJob = Math.min(msPerJob, usualMsPerJob * 1.1);
    },
  };
}

/** The most jobs that one fetch asks for, given the usual number. */
export function mostTaken(usual: number): number {
  return Math.max(usual, Math.min(usual * timesAsMany, mostAtOnce));
}
