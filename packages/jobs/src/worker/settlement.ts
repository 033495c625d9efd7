import type { Pool } from "pg";
import { createBatcher } from "./batcher.ts";
import { forgetFailures, noteFailures, type FailedAttempt } from "../graphile/failure-notes.ts";
import { settleFailures } from "../graphile/settle-failures.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import type { Logger } from "../logger.ts";
import { prepared } from "../database/prepared-statements.ts";
import { isTransient, retryTransient } from "../database/database-errors.ts";

/** What becomes of jobs after their runs. */
export interface Settlement {
  /** Keeps what is to happen with a failed job until it is released. */
  intend(failed: FailedAttempt): void;
  /**
   * Notes what is to happen, before Graphile Worker releases the failed jobs, and once more before it does so again: a crash
   * of the server may have undone the notes.
   */
  note(jobIds: readonly string[]): Promise<void>;
  /** Does what the notes say, once the jobs are released. Returns at once. */
  settle(jobIds: readonly string[]): void;
  /** Forgets what was to happen with failed jobs that are not this worker's any more. */
  drop(jobIds: readonly string[]): void;
  /** Drops the history of jobs that succeeded. Returns at once. */
  forget(jobIds: readonly string[]): void;
  /** Resolves when nothing of the above is under way. */
  drain(): Promise<void>;
}

export interface SettlementOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  /** A failed job runs again in so many milliseconds. */
  readonly onRescheduled: (delayMs: number) => void;
  /** Aborted when nobody waits for the last writes any more. */
  readonly giveUp: AbortSignal;
}

/** Where many jobs fail, these make few statements of many; a single one is not kept waiting. */
const settleRestMs = 20;
const forgetRestMs = 100;

type JobIds = readonly string[];

export function createSettlement({ pool, logger, onRescheduled, giveUp }: SettlementOptions): Settlement {
  const preparedPool = prepared(pool);
  const unpreparedPool = withQueryTimeout(pool);
  const intended = new Map<string, FailedAttempt>();
  const underWay = new Set<Promise<unknown>>();

  const start = (work: () => Promise<unknown>, what: string) => {
    const tracked: Promise<unknown> = retryTransient(work, giveUp)
      .catch((error: unknown) => logger.warn({ err: error }, `${what} failed; the next sweep repairs it`))
      .finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  };

  const settleTogether = createBatcher(async (lists: readonly JobIds[]) => {
    for (const settled of await settleFailures(unpreparedPool, lists.flat()))
      if (!settled.isDead) onRescheduled(settled.delayMs);
    return lists;
  }, settleRestMs);
  const forgetTogether = createBatcher(async (lists: readonly JobIds[]) => {
    await forgetFailures(unpreparedPool, lists.flat());
    return lists;
  }, forgetRestMs);

  /** One that cannot be stored must not take the others of its batch with it. */
  const noteOneByOne = async (failed: readonly FailedAttempt[]) => {
    for (const one of failed) {
      try {
        await noteFailures(preparedPool, [one]);
      } catch (error) {
        if (isTransient(error)) throw error;
        // The job is safe all the same: Graphile Worker's own delay applies.
        const { task, jobId } = one;
        logger.warn({ err: error, task, jobId }, "a retry delay could not be stored; the default applies");
      }
    }
  };

  return {
    intend: (failed) => void intended.set(failed.jobId, failed),
    async note(jobIds) {
      const failed = jobIds.map((jobId) => intended.get(jobId)).filter((intention) => intention !== undefined);
      if (failed.length === 0) return;
      try {
        await noteFailures(preparedPool, failed);
      } catch (error) {
        if (isTransient(error)) throw error;
        await noteOneByOne(failed);
      }
    },
    settle(jobIds) {
      for (const jobId of jobIds) intended.delete(jobId);
      start(() => settleTogether(jobIds), "settling failed jobs");
    },
    drop(jobIds) {
      for (const jobId of jobIds) intended.delete(jobId);
    },
    forget: (jobIds) => start(() => forgetTogether(jobIds), "forgetting failures"),
    async drain() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
