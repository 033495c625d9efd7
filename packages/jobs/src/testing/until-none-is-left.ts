import { setTimeout as pause } from "node:timers/promises";
import { isTransient } from "../database/database-errors.ts";
import type { Queryable } from "../database/queryable.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { countDueJobs, isAnyUnderWay, makeDueNow } from "../graphile/backlog.ts";
import type { JobsInternals } from "../internals.ts";
import { withTimeout } from "@acme/shared/timeout";
import type { DrainGate } from "./drain-gate.ts";
import { drainIncomplete } from "./drain-options.ts";

export const pollEveryMs = 10;
const leastAnswerMs = 1_000;

export interface DrainLimits {
  readonly skipDelays: boolean;
  readonly withinMs: number;
  readonly endsAt: number;
  /** How many attempts of the worker have ended. */
  readonly endedCount: () => number;
  readonly moveAll: () => Promise<boolean>;
  readonly gate: DrainGate | undefined;
}

/** Resolves when the worker has no more to run. @throws {@link JobsError} `DRAIN_INCOMPLETE`. */
export async function untilNoneIsLeft(
  pools: JobsInternals,
  names: readonly string[],
  { skipDelays, withinMs, endsAt, endedCount, moveAll, gate }: DrainLimits,
): Promise<void> {
  const leftMs = () => Math.max(leastAnswerMs, endsAt - performance.now() + 50);
  let leftTasks = names;
  let trouble: unknown;
  const countLeft = (db: Queryable) => countDueJobs(db, names, { withWaiting: skipDelays, only: gate?.leftIds });

  const isNoneLeft = async () => {
    // A timeout, because a job may be locked.
    const db = withQueryTimeout(pools.jobsPool(), leftMs());
    if (gate && (await isAnyUnderWay(db, gate.fetchedIds))) return false;
    if (gate?.isShut) return true;
    leftTasks = names;
    const endedBefore = endedCount();
    // The next attempts of certain jobs are none that it waits for.
    if (skipDelays && gate?.leftIds === undefined) await makeDueNow(db, names);
    leftTasks = [...(await countLeft(db)).keys()];
    // In this order: when no job is left, none can write to the outbox any more. Counted again at the end, because rows have
    // become jobs since. A job that began and ended in between may have written a row after the look at the outbox.
    const isMoved = await withTimeout(leftMs(), moveAll());
    return leftTasks.length === 0 && isMoved && (await countLeft(db)).size === 0 && endedCount() === endedBefore;
  };

  for (;;) {
    const isDone = await isNoneLeft().catch((error: unknown) => {
      // A transient error, such as a restart of the server, is retried while there is time.
      if (performance.now() < endsAt && !isTransient(error)) throw error;
      trouble = error;
      return false;
    });
    if (isDone) return;
    if (performance.now() > endsAt) throw drainIncomplete(leftTasks, { withinMs, cause: trouble });
    await pause(pollEveryMs);
  }
}
