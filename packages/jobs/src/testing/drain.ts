import { setTimeout as pause } from "node:timers/promises";
import { checkCount, checkNames } from "../check-options.ts";
import { isTransient } from "../database/database-errors.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { countDueJobs, makeDueNow } from "../graphile/backlog.ts";
import { internalsOf, type JobsInternals } from "../internals.ts";
import type { Jobs } from "../jobs.ts";
import { createBatchMover } from "../outbox/batch-mover.ts";
import { findOutboxWithRows } from "../outbox/outbox-table.ts";
import { countAttempts } from "./count-attempts.ts";
import { drainIncomplete, type DrainOptions, type DrainResult } from "./drain-options.ts";
import { memorySideOf } from "./memory/memory-side.ts";
import { withTimeout } from "@acme/shared/timeout";

const pollEveryMs = 10;
/** A database that answers has taken everything back by then. */
const longestGiveUpMs = 2_000;
const leastAnswerMs = 1_000;
const batchSize = 1_000;

/**
 * Runs the jobs of these tasks until none is left that could run. Moves the outbox, too, and runs the jobs that jobs enqueue.
 * Retries follow at once unless `skipDelays` is false, so a job that keeps failing becomes a dead letter.
 *
 * @returns what became of the attempts: `doneCount`, `failedCount` and `snoozedCount` together are all of them.
 * @throws {@link JobsError} `DRAIN_INCOMPLETE` after `withinMs`. Its message names the tasks that are left.
 * @example
 * ```ts
 * await registerUser(unitOfWork, email);
 * const { doneCount, deadCount } = await drain(jobs, { tasks: [performSendVerificationEmail] });
 * expect([doneCount, deadCount]).toEqual([1, 0]);
 * ```
 */
export async function drain(jobs: Jobs, options: DrainOptions): Promise<DrainResult> {
  const known = ["tasks", "skipDelays", "withinMs", "limit", "follow"] satisfies (keyof DrainOptions)[];
  checkNames(options, { what: "drain()", known });
  checkCount("limit", options.limit, [1, Number.MAX_SAFE_INTEGER]);
  const memory = memorySideOf(jobs);
  if (memory) return memory.drain(options);
  const { tasks, skipDelays = true, withinMs = 10_000 } = options;
  const names = tasks.map(({ task }) => task.name);
  const counted = countAttempts();
  const pools = internalsOf(jobs);
  const endsAt = performance.now() + withinMs;

  const over = new AbortController();

  const start = async () => {
    // The worker has no relay, which would create the tables of the outbox.
    if (pools.outboxPool !== undefined) await jobs.migrateOutbox();
    return pools.startWorker({ tasks, pollIntervalMs: pollEveryMs, relay: false }, counted.count);
  };
  const starting = start();
  // Running jobs get no more time, because the default deadline is longer than the timeout of most tests.
  const giveUp = () => starting.then((worker) => worker.stop({ deadlineMs: 0 })).catch(() => undefined);
  try {
    const late = () => drainIncomplete(names, { withinMs, cause: undefined });
    const worker = await withTimeout(withinMs, starting, late);
    const { endedCount } = counted;
    await untilNoneIsLeft(pools, names, { skipDelays, withinMs, endsAt, endedCount, signal: over.signal });
    await worker.stop();
    return counted.result();
  } catch (error) {
    over.abort();
    await withTimeout(longestGiveUpMs, giveUp()).catch(() => undefined);
    throw error;
  }
}

interface DrainLimits {
  readonly skipDelays: boolean;
  readonly withinMs: number;
  readonly endsAt: number;
  /** How many attempts of its worker have ended. */
  readonly endedCount: () => number;
  /** Aborted when `drain` has given up. */
  readonly signal: AbortSignal;
}

async function untilNoneIsLeft(
  pools: JobsInternals,
  names: readonly string[],
  { skipDelays, withinMs, endsAt, endedCount, signal }: DrainLimits,
): Promise<void> {
  const moveAll = createMoveAll(pools, signal);
  const leftMs = () => Math.max(leastAnswerMs, endsAt - performance.now() + 50);
  let leftTasks = names;
  let trouble: unknown;
  const isNoneLeft = async () => {
    // A timeout, because a job may be locked.
    const db = withQueryTimeout(pools.jobsPool(), leftMs());
    const countLeft = () => countDueJobs(db, names, { withWaiting: skipDelays });
    leftTasks = names;
    const endedBefore = endedCount();
    if (skipDelays) await makeDueNow(db, names);
    leftTasks = [...(await countLeft()).keys()];
    // In this order: when no job is left, none can write to the outbox any more. Counted again at the end, because rows have
    // become jobs since. A job that began and ended in between may have written a row after the look at the outbox.
    const isMoved = await withTimeout(leftMs(), moveAll());
    return leftTasks.length === 0 && isMoved && (await countLeft()).size === 0 && endedCount() === endedBefore;
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

/** Moves the rows that can be moved. @returns whether the outbox is empty then: a relay may have claimed rows. */
function createMoveAll({ jobsPool, outboxPool }: JobsInternals, signal: AbortSignal): () => Promise<boolean> {
  if (outboxPool === undefined) return async () => true;
  const pools = { outbox: outboxPool(), jobs: jobsPool() };
  const moveRound = createBatchMover(pools, { batchSize, signal });
  return async () => {
    while (!signal.aborted && (await moveRound()).movedCount > 0);
    return (await findOutboxWithRows(pools.outbox)) === undefined;
  };
}
