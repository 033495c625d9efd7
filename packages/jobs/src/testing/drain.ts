import { setTimeout as pause } from "node:timers/promises";
import { checkNames } from "../check-options.ts";
import { isTransient } from "../database/database-errors.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { JobsError } from "../errors.ts";
import { countDueJobs, makeDueNow } from "../graphile/backlog.ts";
import { internalsOf, type JobsInternals } from "../internals.ts";
import type { Jobs } from "../jobs.ts";
import { createBatchMover } from "../outbox/batch-mover.ts";
import { findOutboxWithRows } from "../outbox/outbox-table.ts";
import type { PerformableTask } from "../task/perform.ts";
import type { OnAttempt } from "../worker/worker-dependencies.ts";
import { withTimeout } from "@acme/shared/timeout";

/** Which tasks {@link drain} runs, and for how long. */
export interface DrainOptions {
  readonly tasks: readonly PerformableTask[];
  /** Whether jobs that wait for their `runAt` or next attempt run at once, too. Default: true. */
  readonly skipDelays?: boolean;
  /** Milliseconds after which `drain` gives up. Default: 10,000. */
  readonly withinMs?: number;
}

/** What happened while {@link drain} ran. */
export interface DrainResult {
  /** Attempts that succeeded. */
  readonly doneCount: number;
  /** Attempts that threw, reached their time limit, or got a payload that does not fit. The last one of a dead letter is one of them. */
  readonly failedCount: number;
  /** Attempts that put their job off with `snooze()`, and are not used up. */
  readonly snoozedCount: number;
  /** Jobs that have become dead letters. */
  readonly deadCount: number;
}

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
  checkNames(options, { what: "drain()", known: ["tasks", "skipDelays", "withinMs"] satisfies (keyof DrainOptions)[] });
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
    const late = () => incomplete(names, { withinMs, cause: undefined });
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
    if (performance.now() > endsAt) throw incomplete(leftTasks, { withinMs, cause: trouble });
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

function countAttempts() {
  const counts = { done: 0, failed: 0, "put off": 0, dead: 0 };
  const count: OnAttempt = (outcome) => void (counts[outcome] += 1);
  const result = (): DrainResult => ({
    doneCount: counts.done,
    failedCount: counts.failed + counts.dead,
    snoozedCount: counts["put off"],
    deadCount: counts.dead,
  });
  const endedCount = () => Object.values(counts).reduce((sum, each) => sum + each);
  return { count, result, endedCount };
}

function incomplete(
  tasks: readonly string[],
  { withinMs, cause }: { readonly withinMs: number; readonly cause: unknown },
): JobsError {
  const left = tasks.length === 0 ? "rows in the outbox that cannot be moved" : `jobs of: ${tasks.join(", ")}`;
  return new JobsError(
    "DRAIN_INCOMPLETE",
    `After ${withinMs} ms there are still ${left}. A task may enqueue its own jobs again, or put them off.`,
    { cause },
  );
}
