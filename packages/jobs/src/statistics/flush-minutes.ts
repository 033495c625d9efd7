import type { Pool } from "pg";
import type { Logger } from "@acme/shared/logger";
import { withTimeout } from "@acme/shared/timeout";
import { withQueryTimeout } from "../database/query-timeout.ts";
import type { MinuteCounts } from "./minute-counts.ts";
import { addToMinute } from "./minutes-table.ts";

const longestFlushMs = 2_000;
/** Counts of longer ago would say too much of the minute in which they are written at last. */
const longestKeptMs = 300_000;
/** The wait of a stop for the last counts. */
const longestLastFlushMs = 500;

export interface MinuteFlushOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly counts: MinuteCounts;
}

/** Writes what a worker has counted. Never rejects: statistics must not end a worker. */
export interface MinuteFlush {
  flush(): Promise<void>;
  /** The same for a stop, which waits half a second for it at most. */
  flushLast(): Promise<void>;
}

export function createMinuteFlush({ pool, logger, counts }: MinuteFlushOptions): MinuteFlush {
  const db = withQueryTimeout(pool, longestFlushMs);
  let failingSince: number | undefined;

  const flush = async () => {
    const taken = counts.take();
    if (taken.length === 0) return;
    try {
      await addToMinute(db, taken);
      failingSince = undefined;
    } catch (error) {
      failingSince ??= performance.now();
      const isKept = performance.now() - failingSince < longestKeptMs;
      // If only the answer was lost, they are counted twice: better than not at all, and these are statistics.
      if (isKept) counts.putBack(taken);
      else failingSince = undefined;
      logger.debug({ err: error, isKept }, "statistics could not be written");
    }
  };

  return { flush, flushLast: () => withTimeout(longestLastFlushMs, flush()).catch(() => undefined) };
}
