import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pg";
import type { PoolObserver, ReleasedJobs } from "../graphile/pool-observer.ts";
import { createBatcher } from "./batcher.ts";
import { forgetFailures, noteFailures, type FailedAttempt } from "../graphile/failure-notes.ts";
import { settleFailures, unsettledAmong } from "../graphile/settle-failures.ts";
import type { Queryable } from "../database/queryable.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import type { Logger } from "@acme/shared/logger";
import { prepared } from "../database/prepared-statements.ts";
import { isAboutTheRows, retryTransient, retryWhile } from "../database/database-errors.ts";
import { jobFields } from "./job-fields.ts";
import { noting, type Dependency } from "./worker-health.ts";

/** What becomes of jobs after their runs. */
export interface Settlement {
  /**
   * For each pool by itself: a job that was taken from one may run in the next one of this worker while its older run
   * has not ended.
   */
  forPool(): PoolSettlement;
  /** Resolves when nothing is under way. */
  drain(): Promise<void>;
}

/** What becomes of the jobs of one pool after their runs. */
export interface PoolSettlement extends Pick<PoolObserver, "beforeFailing" | "onReleased" | "onDisowned"> {
  /** Keeps what is to happen with a failed job until it is released. */
  intend(failed: FailedAttempt): void;
  /**
   * Notes what is to happen, before Graphile Worker releases the failed jobs, and once more before it does so again: a crash
   * of the server may have undone the notes.
   */
  beforeFailing(jobIds: readonly string[], poolId: string): Promise<void>;
  /** Does what the notes say of failed jobs, and drops the history of those that succeeded. Returns at once. */
  onReleased(released: ReleasedJobs): void;
  /** Forgets what was to happen with failed jobs that are not this pool's any more. */
  onDisowned(jobIds: readonly string[]): void;
}

export interface SettlementOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  /** A failed job runs again in so many milliseconds. */
  readonly onRescheduled: (delayMs: number) => void;
  /** What is to happen with failed jobs was written, or could not be. */
  readonly onNoted: Dependency;
  /** Aborted when nobody waits for the last writes any more. */
  readonly giveUp: AbortSignal;
}

/** Where many jobs fail, these make few statements of many; a single one is not kept waiting. */
const settleRestMs = 20;
const forgetRestMs = 100;
/** Until a row that somebody has locked is tried again: first so long, then each time twice as long. */
const firstLockedPauseMs = 100;
const longestLockedPauseMs = 1_000;

type JobIds = readonly string[];

export function createSettlement(options: SettlementOptions): Settlement {
  const { pool, logger, onRescheduled, onNoted, giveUp } = options;
  const preparedPool = prepared(pool);
  const unpreparedPool = withQueryTimeout(pool);
  const underWay = new Set<Promise<unknown>>();

  const start = (work: () => Promise<unknown>, what: string) => {
    const tracked: Promise<unknown> = retryTransient(work, giveUp)
      .catch((error: unknown) => logger.warn({ err: error }, `${what} failed; the next sweep repairs it`))
      .finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  };

  /** @returns those of each list of which nothing has become */
  const settleTogether = createBatcher(async (lists: readonly JobIds[]) => {
    const settled = await settleFailures(unpreparedPool, lists.flat());
    for (const { isDead, delayMs } of settled) if (!isDead) onRescheduled(delayMs);
    const done = new Set(settled.map(({ jobId }) => jobId));
    return lists.map((jobIds) => jobIds.filter((jobId) => !done.has(jobId)));
  }, settleRestMs);

  const forgetTogether = createBatcher(async (lists: readonly JobIds[]) => {
    await forgetFailures(unpreparedPool, lists.flat());
    return lists;
  }, forgetRestMs);

  /** One that cannot be stored must not take the others of its batch with it. */
  const noteOneByOne = async (failed: readonly FailedAttempt[], poolId: string) => {
    for (const one of failed) {
      try {
        await noteFailures(preparedPool, [one], poolId);
      } catch (error) {
        if (!isAboutTheRows(error)) throw error;
        // The job is safe all the same: Graphile Worker's own delay applies.
        const fields = { ...jobFields(one, one.attempt), err: error };
        logger.warn(fields, "a retry delay could not be stored; the default applies");
      }
    }
  };

  const noteAll = async (failed: readonly FailedAttempt[], poolId: string) => {
    try {
      await noteFailures(preparedPool, failed, poolId);
    } catch (error) {
      if (!isAboutTheRows(error)) throw error;
      await noteOneByOne(failed, poolId);
    }
  };

  const forPool = (): PoolSettlement => {
    const intended = new Map<string, FailedAttempt>();
    const forgetIntentions = (jobIds: JobIds) => {
      for (const jobId of jobIds) intended.delete(jobId);
    };
    return {
      intend: (failed) => void intended.set(failed.jobId, failed),
      async beforeFailing(jobIds, poolId) {
        const failed = jobIds.map((jobId) => intended.get(jobId)).filter((intention) => intention !== undefined);
        if (failed.length === 0) return;
        // A job that is released without its note would run again too early, or once too often.
        await retryWhile(
          () => noting(onNoted, () => noteAll(failed, poolId)),
          () => true,
          giveUp,
        );
      },
      onReleased({ how, jobs }) {
        if (how === "failed") {
          const jobIds = idsOf(jobs);
          forgetIntentions(jobIds);
          start(() => settleAll(jobIds, { settleTogether, pool: unpreparedPool, giveUp }), "settling failed jobs");
        }
        if (how !== "completed") return;
        const repeated = jobs.filter(({ attempts }) => attempts > 1);
        if (repeated.length > 0) start(() => forgetTogether(idsOf(repeated)), "forgetting failures");
      },
      onDisowned: forgetIntentions,
    };
  };

  return {
    forPool,
    async drain() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

interface Settling {
  /** @returns those of which nothing has become. */
  readonly settleTogether: (jobIds: JobIds) => Promise<JobIds>;
  readonly pool: Queryable;
  readonly giveUp: AbortSignal;
}

/** Comes back for those whose row somebody has locked, until each is settled or has been replaced by a newer job. */
async function settleAll(jobIds: JobIds, { settleTogether, pool, giveUp }: Settling): Promise<void> {
  let left = await settleTogether(jobIds);
  let pauseMs = firstLockedPauseMs;
  while (left.length > 0 && !giveUp.aborted) {
    left = await unsettledAmong(pool, left);
    if (left.length === 0) return;
    await pause(pauseMs, undefined, { signal: giveUp }).catch(() => undefined);
    pauseMs = Math.min(2 * pauseMs, longestLockedPauseMs);
    left = await settleTogether(left);
  }
}

function idsOf(jobs: ReleasedJobs["jobs"]): string[] {
  return jobs.map(({ id }) => id);
}
