import { setTimeout as pause } from "node:timers/promises";
import { checkNames } from "../check-options.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { JobsError } from "../errors.ts";
import { countDueJobs, makeDueNow } from "../graphile/backlog.ts";
import { internalsOf, type JobsInternals } from "../internals.ts";
import type { Jobs } from "../jobs.ts";
import { createBatchMover } from "../outbox/batch-mover.ts";
import type { PerformableTask } from "../task/perform.ts";

/** Which tasks {@link drain} runs, and for how long. */
export interface DrainOptions {
  readonly tasks: readonly PerformableTask[];
  /** Whether jobs that wait for a `runAt` or for their next attempt run as well. Default: true. */
  readonly skipDelays?: boolean;
  /** Milliseconds after which it gives up. Default: 10,000. */
  readonly withinMs?: number;
}

/** What happened while {@link drain} ran. */
export interface DrainResult {
  /** Attempts that succeeded. */
  readonly doneCount: number;
  /** Attempts that threw. */
  readonly failedCount: number;
}

const lookEveryMs = 10;
const leastAnswerMs = 1_000;
const batchSize = 1_000;

/**
 * Runs jobs until none of these tasks is left that could run, those included that the jobs enqueue; moves the outbox
 * first. Retries follow at once, so a job that keeps failing ends among the dead letters.
 *
 * @throws {@link JobsError} `DRAIN_INCOMPLETE` when the time is over, naming the tasks that are left.
 * @example
 * ```ts
 * await registerUser(unitOfWork, email);
 * await drain(jobs, { tasks: [performSendVerificationEmail] });
 * expect(mailbox).toHaveLength(1);
 * ```
 */
export async function drain(jobs: Jobs, options: DrainOptions): Promise<DrainResult> {
  checkNames("drain()", options, ["tasks", "skipDelays", "withinMs"] satisfies (keyof DrainOptions)[]);
  const { tasks, skipDelays = true, withinMs = 10_000 } = options;
  const names = tasks.map(({ task }) => task.name);
  const counted = countAttempts(tasks);
  const pools = internalsOf(jobs);
  const endsAt = performance.now() + withinMs;

  const worker = await jobs.startWorker({ tasks: counted.tasks, pollIntervalMs: lookEveryMs, relay: false });
  try {
    await untilNoneIsLeft(pools, names, { skipDelays, withinMs, endsAt });
    await worker.stop();
    return counted.result;
  } catch (error) {
    // What hangs gets no more time: the deadline of a worker is longer than that of most tests.
    await worker.stop({ deadlineMs: 0 }).catch(() => undefined);
    throw error;
  }
}

async function untilNoneIsLeft(
  pools: JobsInternals,
  names: readonly string[],
  {
    skipDelays,
    withinMs,
    endsAt,
  }: { readonly skipDelays: boolean; readonly withinMs: number; readonly endsAt: number },
): Promise<void> {
  for (;;) {
    // Somebody may have locked a job.
    const db = withQueryTimeout(pools.jobsPool(), Math.max(leastAnswerMs, endsAt - performance.now() + 50));
    const late = (error: unknown) => {
      if (performance.now() > endsAt) throw incomplete(names, withinMs);
      throw error;
    };
    if (skipDelays) await makeDueNow(db, names).catch(late);
    const left = await countDueJobs(db, names, { withWaiting: skipDelays }).catch(late);
    // In this order: once no job is left, none can write to the outbox any more.
    const movedCount = await moveAll(pools);
    if (left.size === 0 && movedCount === 0) return;
    if (performance.now() > endsAt) throw incomplete([...left.keys()], withinMs);
    await pause(lookEveryMs);
  }
}

async function moveAll({ jobsPool, outboxPool }: JobsInternals): Promise<number> {
  if (outboxPool === undefined) return 0;
  const moveNext = createBatchMover({ outbox: outboxPool(), jobs: jobsPool() }, batchSize);
  for (let total = 0; ;) {
    const { movedCount } = await moveNext();
    if (movedCount === 0) return total;
    total += movedCount;
  }
}

function countAttempts(tasks: readonly PerformableTask[]) {
  const result = { doneCount: 0, failedCount: 0 };
  const count = ({ task, run }: PerformableTask): PerformableTask => ({
    task,
    run: async (payload, context) => {
      try {
        await run(payload, context);
        result.doneCount += 1;
      } catch (error) {
        result.failedCount += 1;
        throw error;
      }
    },
  });
  return { result, tasks: tasks.map(count) };
}

function incomplete(tasks: readonly string[], withinMs: number): JobsError {
  return new JobsError(
    "DRAIN_INCOMPLETE",
    `After ${withinMs} ms there are still jobs of: ${tasks.join(", ")}. A task may enqueue itself, or put its jobs off.`,
  );
}
