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

/** A keyed job is looked up if its code begins later than this after its fetch began. */
const freshMs = 10;
/** Including the wait for a connection. */
const longestLookMs = 1_000;

interface HeldJobRunOptions {
  readonly pgPool: Pool;
  readonly held: HeldJobs;
  readonly slots: Slots;
  readonly run: (job: LockedJob) => Promise<void>;
}

/** Runs a fetched job, unless another worker has it by now. */
export function createHeldJobRun({ pgPool, held, slots, run }: HeldJobRunOptions) {
  /**
   * Asked because a newer job with the key may have run elsewhere by now. If the database does not answer, the job
   * runs.
   */
  const isOutdated = ({ job, askedAt }: Holding) => {
    if (performance.now() - askedAt <= freshMs) return false;
    return withTimeout(longestLookMs, isSuperseded(withQueryTimeout(pgPool, longestLookMs), job.id)).catch(() => false);
  };

  return async (job: GraphileJob): Promise<void> => {
    const holding = held.arrive(job.id);
    if (holding === undefined) return run(toLockedJob(job, { isSuperseded: undefined, askedAt: undefined }));
    try {
      await held.turn(holding);
      // Another worker may have the job by now. Graphile Worker's write about its end is then left out.
      if (!held.begin(holding)) return;
      const ended = slots.began();
      try {
        const isDisowned = () => holding.isDisowned;
        await run(toLockedJob(job, { isSuperseded: () => isOutdated(holding), isDisowned, askedAt: holding.askedAt }));
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
