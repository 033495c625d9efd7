import type { Pool } from "pg";
import type { Logger } from "@acme/shared/logger";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { createMinuteFlush } from "./flush-minutes.ts";
import { MinuteCounts } from "./minute-counts.ts";
import { purgeMinutes } from "./minutes-table.ts";
import { leastRestMs, takeSampleIfDue } from "./sampler.ts";

/** What a worker counts, and what it does for it now and then. */
export interface Statistics {
  readonly counts: MinuteCounts;
  /** As tasks of its maintenance. */
  readonly tasks: readonly StatisticsTask[];
  /** Writes the last counts, within a moment. */
  readonly flushLast: () => Promise<void>;
}

interface StatisticsTask {
  readonly what: string;
  readonly everyMs: number;
  readonly run: () => Promise<unknown>;
  readonly isMinor: true;
}

const flushEveryMs = 10_000;
const purgeEveryMs = 600_000;
const longestPurgeMs = 10_000;

export function createStatistics(
  { pool, logger }: { readonly pool: Pool; readonly logger: Logger },
  tasks: Iterable<string>,
): Statistics {
  const counts = new MinuteCounts(tasks);
  const { flush, flushLast } = createMinuteFlush({ pool, logger, counts });
  const purge = async () => purgeMinutes(withQueryTimeout(pool, longestPurgeMs));
  return {
    counts,
    flushLast,
    tasks: [
      {
        what: "the sample of the queue",
        everyMs: leastRestMs,
        run: () => takeSampleIfDue({ pool, logger }),
        isMinor: true,
      },
      { what: "writing statistics", everyMs: flushEveryMs, run: flush, isMinor: true },
      { what: "forgetting old statistics", everyMs: purgeEveryMs, run: purge, isMinor: true },
    ],
  };
}
