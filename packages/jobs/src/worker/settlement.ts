import { forgetFailures, settleFailures, type FailedAttempt } from "../graphile-failures.ts";
import type { Logger } from "../logger.ts";
import type { Queryable } from "../queryable.ts";
import { repeatWhilePassing } from "../unreachable.ts";
import { createNoteWriter } from "./note-writer.ts";

export interface Settlement {
  /** Notes what is to happen; call it before the error is thrown on. Never rejects. */
  note(failed: FailedAttempt): Promise<void>;
  /** Does what the notes say, once Graphile Worker has released the failed jobs. Returns at once. */
  settle(jobIds: readonly string[]): void;
  /** Drops the history of jobs that succeeded. Returns at once. */
  forget(jobIds: readonly string[]): void;
  /** Resolves when nothing of the above is under way. */
  drain(): Promise<void>;
}

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
  const writeNote = createNoteWriter(db);

  const start = (work: () => Promise<void>, what: string) => {
    const tracked = repeatWhilePassing(work, giveUp)
      .catch((error: unknown) => logger.warn({ err: error }, `${what} failed; the next sweep repairs it`))
      .finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  };

  const settle = async (jobIds: readonly string[]) => {
    for (const settled of await settleFailures(db, jobIds)) if (!settled.isDead) onRescheduled(settled.delayMs);
  };

  return {
    async note(failed) {
      await repeatWhilePassing(() => writeNote(failed), giveUp).catch((error: unknown) => {
        const { jobId, task, attempt } = failed;
        // The job is safe all the same: Graphile Worker's own delay applies.
        logger.warn({ err: error, jobId, task, attempt }, "the retry delay could not be stored; the default applies");
      });
    },
    settle: (jobIds) => start(() => settle(jobIds), "settling failed jobs"),
    forget: (jobIds) => start(() => forgetFailures(db, jobIds), "forgetting failures"),
    async drain() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
