import type pg from "pg";
import type { Logger } from "../logging/logger.ts";

/**
 * Deletes the counts whose window ended an hour ago, some at a time: all at once may take longer than a statement may, and then
 * nothing would ever be deleted. A failure is logged, and the next sweep goes on.
 */
export async function sweepLimits({ pool, logger, batchSize = 10_000 }: LimitSweepNeeds): Promise<void> {
  const endedBefore = Date.now() - keptMs;
  try {
    let deleted = batchSize;
    while (deleted === batchSize) {
      const { rowCount } = await pool.query(deleteSome, [endedBefore, batchSize]);
      deleted = rowCount ?? 0;
    }
  } catch (error) {
    logger.warn({ err: error }, "request limits that have ended could not be deleted; the next sweep tries again");
  }
}

/** Sweeps every five minutes, for as long as the process has something else to do. */
export function sweepLimitsRegularly(needs: LimitSweepNeeds): void {
  setTimeout(() => void sweepLimits(needs).then(() => sweepLimitsRegularly(needs)), intervalMs).unref();
}

interface LimitSweepNeeds {
  readonly pool: pg.Pool;
  readonly logger: Logger;
  /** How many one statement deletes at most. */
  readonly batchSize?: number;
}

// Rows that a request counts on, or another process sweeps, are left to them.
const deleteSome = `delete from request_limits where key in
  (select key from request_limits where expire < $1 limit $2 for update skip locked)`;

const keptMs = 3_600_000;
const intervalMs = 300_000;
