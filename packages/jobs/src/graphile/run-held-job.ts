import type { Job as GraphileJob } from "graphile-worker";
import { withTimeout } from "@acme/shared/timeout";
import type { Pool } from "pg";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { attemptNotStarted } from "./engine-errors.ts";
import type { HeldJobs } from "./held-jobs.ts";
import type { Holding } from "./holding.ts";
import { isSuperseded } from "./job-locks.ts";
import { toLockedJob, type LockedJob } from "./locked-job.ts";
import type { Slots } from "./slots.ts";

/** A keyed job is looked up if its code begins later than this after it was asked for. */
const freshMs = 10;
/** With the wait for a connection. */
const longestLookMs = 1_000;

interface HeldJobRunOptions {
  readonly pgPool: Pool;
  readonly held: HeldJobs;
  readonly slots: Slots;
  readonly run: (job: LockedJob) => Promise<void>;
}

/** Runs a job that was fetched, unless it is another worker's by now. */
export function createHeldJobRun({ pgPool, held, slots, run }: HeldJobRunOptions) {
  /** The newer one may have run elsewhere by now. What cannot be asked is run. */
  const isOutdated = ({ job, askedAt }: Holding) => {
    if (performance.now() - askedAt <= freshMs) return false;
    return withTimeout(longestLookMs, isSuperseded(withQueryTimeout(pgPool, longestLookMs), job.id)).catch(() => false);
  };

  return async (job: GraphileJob): Promise<void> => {
    const holding = held.arrive(job.id);
    if (holding === undefined) return run(toLockedJob(job, undefined));
    try {
      await held.turn(holding);
      // Others may have it by now. What Graphile Worker writes of its end is left out.
      if (!held.begin(holding)) return;
      const ended = slots.began();
      try {
        await run(toLockedJob(job, () => isOutdated(holding)));
      } catch (error) {
        holding.isUnused = error === attemptNotStarted;
        throw error;
      } finally {
        ended();
      }
    } finally {
      holding.stage = "over";
    }
  };
}
