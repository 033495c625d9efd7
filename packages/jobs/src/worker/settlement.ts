import { setTimeout as pause } from "node:timers/promises";
import { forgetFailure, isStillLocked, noteFailure, settleFailures, type FailedAttempt } from "../graphile-failures.ts";
import type { Logger } from "../logger.ts";
import type { Queryable } from "../queryable.ts";
import { repeatWhilePassing } from "../unreachable.ts";

/** A run of a job, as far as settling needs to know it. */
export interface RunOfJob {
  readonly jobId: string;
  readonly lockCount: number;
}

export interface Settlement {
  /** Notes what is to happen; call it before the error is thrown on. Never rejects. */
  note(failed: FailedAttempt): Promise<void>;
  /** Waits until Graphile Worker has released the failed job, then does what the note says. Returns at once. */
  settle(run: RunOfJob): void;
  /** Drops the history of a job that succeeded. Returns at once. */
  forget(run: RunOfJob): void;
  /** Calls back once the job is released. Returns at once. */
  whenReleased(run: RunOfJob, callback: () => void): void;
  /** Resolves when nothing of the above is under way. */
  drain(): Promise<void>;
}

const firstPauseMs = 2;
const longestPauseMs = 100;
/** A release that takes longer has failed; the sweep of some worker will settle the note. */
const longestWaitMs = 30_000;

export interface SettlementOptions {
  readonly db: Queryable;
  readonly logger: Logger;
  /** A failed job runs again in so many milliseconds. */
  readonly onRescheduled: (delayMs: number) => void;
  /** Aborted when nobody waits for the last notes any more. */
  readonly giveUp: AbortSignal;
}

export function createSettlement({ db, logger, onRescheduled, giveUp }: SettlementOptions): Settlement {
  const underWay = new Set<Promise<void>>();

  const start = (work: Promise<void>, what: string, { jobId }: RunOfJob) => {
    const tracked = work
      .catch((error: unknown) => logger.warn({ err: error, jobId }, `${what} failed; the next sweep repairs it`))
      .finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  };

  const settle = async (run: RunOfJob) => {
    await pollUntil(async () => !(await isStillLocked(db, run.jobId, run.lockCount)));
    const [settled] = await settleFailures(db, [run.jobId]);
    if (settled && !settled.isDead) onRescheduled(settled.delayMs);
  };

  const whenReleased = async (run: RunOfJob, callback: () => void) => {
    await pollUntil(async () => !(await isStillLocked(db, run.jobId, run.lockCount)));
    callback();
  };

  return {
    async note(failed) {
      await repeatWhilePassing(() => noteFailure(db, failed), giveUp).catch((error: unknown) => {
        const { jobId, task, attempt } = failed;
        // The job is safe all the same: Graphile Worker's own delay applies.
        logger.warn({ err: error, jobId, task, attempt }, "the retry delay could not be stored; the default applies");
      });
    },
    settle: (run) => start(settle(run), "settling a failed job", run),
    forget: (run) => start(forgetFailure(db, run.jobId), "forgetting a failure", run),
    whenReleased: (run, callback) => start(whenReleased(run, callback), "waiting for a release", run),
    async drain() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

async function pollUntil(isDone: () => Promise<boolean>): Promise<void> {
  const endsAt = performance.now() + longestWaitMs;
  for (let pauseMs = firstPauseMs; performance.now() < endsAt; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    if (await isDone()) return;
    await pause(pauseMs);
  }
}
