import type { Pool } from "pg";
import type { Logger } from "@acme/shared/logger";
import { withQueryTimeout } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import { countInTime } from "./count-in-time.ts";
import { claimSample, putOffSample, writeSample, type Claim } from "./samples-table.ts";

/** The least time between two samples. */
export const leastRestMs = 15_000;
/** Longer than a hundred times what a sample may take with its limits. */
const longestRestMs = 1_200_000;
/** Samples take at most this part of the time. */
const longestShare = 0.01;
const limits = { allMs: 2_000, firstMs: 2_000 };
/** For a claim and for the write of a sample, which wait for no more than the same of another worker. */
const promptMs = 2_000;

export interface SamplerOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  /** Default: 15,000. */
  readonly leastRestMs?: number;
}

/** Milliseconds from a sample that took so long until the next one is due. */
export function restAfterSample(tookMs: number, leastMs = leastRestMs): number {
  return Math.max(leastMs, Math.min(tookMs / longestShare, longestRestMs));
}

/**
 * Takes a sample, if one is due and no other worker has claimed it. Never rejects: a worker does without statistics where it has no
 * right to them.
 */
export async function takeSampleIfDue({
  pool,
  logger,
  leastRestMs: leastMs = leastRestMs,
}: SamplerOptions): Promise<void> {
  const db = withQueryTimeout(pool, promptMs);
  const beganAt = performance.now();
  const restMs = () => restAfterSample(performance.now() - beganAt, leastMs);
  let claim: Claim | undefined;
  try {
    claim = await claimSample(db, { restMs: leastMs, longestRestMs });
    if (claim === undefined) return;
    const countedAt = performance.now();
    const counted = await countInTime(pool, limits);
    await writeSample(db, { ...counted, claim, ageMs: performance.now() - countedAt, restMs: restMs() });
  } catch (error) {
    logger.debug({ err: error }, "no sample of the queue could be taken");
    if (claim !== undefined) await putOff(db, claim, restMs());
  }
}

/** What has failed may have taken its time, too. */
async function putOff(db: Queryable, claim: Claim, restMs: number): Promise<void> {
  await Promise.resolve(putOffSample(db, claim, restMs)).catch(() => undefined);
}
