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
  /** Attempts that threw, or reached their time limit. */
  readonly failedCount: number;
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
 * @throws {@link JobsError} `DRAIN_INCOMPLETE` after `withinMs`. Its message names the tasks that are left.
 * @example
 * ```ts
 * await registerUser(unitOfWork, email);
 * await drain(jobs, { tasks: [performSendVerificationEmail] });
 * expect(mailbox).toHaveLength(1);
 * ```
 */
export async function drain(jobs: Jobs, options: DrainOptions): Promise<DrainResult> {
  checkNames(options, { what: "drain()", known: ["tasks", "skipDelays", "withinMs"] satisfies (keyof DrainOptions)[] });
  const { tasks, skipDelays = true, withinMs = 10_000 } = options;
  const names = tasks.map(({ task }) => task.name);
  const counted = countAttempts(tasks);
  const pools = internalsOf(jobs);
  const endsAt = performance.now() + withinMs;

  const over = new AbortController();

  const start = async () => {
    // The worker has no relay, which would create the tables of the outbox.
    if (pools.outboxPool !== undefined) await jobs.migrateOutbox();
    return jobs.startWorker({ tasks: counted.tasks, pollIntervalMs: pollEveryMs, relay: false });
  };
  const starting = start();
  // Running jobs get no more time, because the default deadline is longer than the timeout of most tests.
  const giveUp = () => starting.then((worker) => worker.stop({ deadlineMs: 0 })).catch(() => undefined);
  try {
    const late = () => incomplete(names, { withinMs, cause: undefined });
    const worker = await withTimeout(withinMs, starting, late);
    const { begunCount } = counted;
    await untilNoneIsLeft(pools, names, { skipDelays, withinMs, endsAt, begunCount, signal: over.signal });
    await worker.stop();
    return counted.result;
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
  /** How many attempts of its worker have begun. */
  readonly begunCount: () => number;
  /** Aborted when `drain` has given up. */
  readonly signal: AbortSignal;
}

async function untilNoneIsLeft(
  pools: JobsInternals,
  names: readonly string[],
  { skipDelays, withinMs, endsAt, begunCount, signal }: DrainLimits,
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
    const begunBefore = begunCount();
    if (skipDelays) await makeDueNow(db, names);
    leftTasks = [...(await countLeft()).keys()];
    // In this order: when no job is left, none can write to the outbox any more. Counted again at the end, because rows have
    // become jobs since. A job that began and ended in between may have written a row after the look at the outbox.
    const isMoved = await withTimeout(leftMs(), moveAll());
    return leftTasks.length === 0 && isMoved && (await countLeft()).size === 0 && begunCount() === begunBefore;
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

function countAttempts(tasks: readonly PerformableTask[]) {
  const result = { doneCount: 0, failedCount: 0 };
  let begun = 0;
  const count = ({ task, run }: PerformableTask): PerformableTask => ({
    task,
    run: async (payload, context) => {
      begun += 1;
      try {
        await run(payload, context);
      } catch (error) {
        result.failedCount += 1;
        throw error;
      }
      // An attempt whose code ends after its time limit has failed.
      if (context.signal.aborted) result.failedCount += 1;
      else result.doneCount += 1;
    },
  });
  return { result, tasks: tasks.map(count), begunCount: () => begun };
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
