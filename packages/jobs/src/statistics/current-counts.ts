import type { Pool } from "pg";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { estimateJobs } from "../graphile/count-jobs.ts";
import { countFirstInTime, countInTime, type BoundedCounts } from "./count-in-time.ts";
import { unlessOnStandby } from "./on-standby.ts";
import { readSample } from "./samples-table.ts";

/** The counts of the last sample, or those of now. */
export interface CurrentCounts extends BoundedCounts {
  /** `undefined` if there was no fresh sample, and the jobs were counted. */
  readonly sampledAt: Date | undefined;
}

/** A count takes about half a second for a million jobs. The first rows take some milliseconds. */
const mostToCount = 300_000;
const limits = { allMs: 1_500, firstMs: 500 };
const longestReadMs = 2_000;

/** Reads the last sample. Counts only if it is missing or old, because no worker lives that takes samples. */
export async function readCurrentCounts(pool: Pool): Promise<CurrentCounts> {
  const db = withQueryTimeout(pool, longestReadMs);
  const sample = await unlessOnStandby(() => readSample(db), undefined);
  if (sample !== undefined) return sample;
  const isTooMany = ((await estimateJobs(db)) ?? 0) > mostToCount;
  const counted = await (isTooMany ? countFirstInTime(pool, limits.firstMs) : countInTime(pool, limits));
  return { ...counted, sampledAt: undefined };
}
