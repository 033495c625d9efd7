import type { Pool } from "pg";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { countInTime, type CountedJobs } from "../statistics/count-in-time.ts";
import { readSample } from "../statistics/samples-table.ts";
import { unlessOnStandby } from "../statistics/on-standby.ts";

/** The counts of the last sample, or those of now. */
export interface CurrentCounts extends CountedJobs {
  /** `undefined` if there was no fresh sample, and the jobs were counted. */
  readonly sampledAt: Date | undefined;
}

/** Two seconds together. The first rows take some milliseconds. */
const limits = { allMs: 1_500, firstMs: 500 };
const longestReadMs = 2_000;

/** Reads the last sample. Counts only if it is missing or old, because no worker lives that takes samples. */
export async function readCurrentCounts(pool: Pool): Promise<CurrentCounts> {
  const sample = await unlessOnStandby(() => readSample(withQueryTimeout(pool, longestReadMs)), undefined);
  return sample ?? { ...(await countInTime(pool, limits)), sampledAt: undefined };
}
