import { checkCount, checkNames } from "../check-options.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { jobIdsOf, makeDueNow } from "../graphile/backlog.ts";
import { internalsOf, type JobsInternals } from "../internals.ts";
import type { Jobs } from "../jobs.ts";
import { createBatchMover } from "../outbox/batch-mover.ts";
import { findOutboxWithRows } from "../outbox/outbox-table.ts";
import { taskList } from "../worker/task-list.ts";
import { withTimeout } from "@acme/shared/timeout";
import { countAttempts } from "./count-attempts.ts";
import { createDrainGate, type DrainGate } from "./drain-gate.ts";
import { drainIncomplete, type DrainOptions, type DrainResult } from "./drain-options.ts";
import { memorySideOf } from "./memory/memory-side.ts";
import { pollEveryMs, untilNoneIsLeft } from "./until-none-is-left.ts";

/** A database that answers has taken everything back by then. */
const longestGiveUpMs = 2_000;
const batchSize = 1_000;

/**
 * Runs the jobs of these tasks until none is left that could run: what is paused stays. Moves the outbox, too, and runs the jobs
 * that jobs enqueue. Retries follow at once unless `skipDelays` is false, so a job that keeps failing becomes a dead letter.
 *
 * With `limit`, or with `follow: false`, jobs run one after the other, and those that are left stay.
 *
 * @returns what became of the attempts: `doneCount`, `failedCount` and `snoozedCount` together are all of them.
 * @throws {@link JobsError} `DRAIN_INCOMPLETE` after `withinMs`. Its message names the tasks that are left. `OPTIONS_INVALID`,
 * `HANDLER_INVALID`, `TASK_DUPLICATE`.
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
  const names = [...taskList(options.tasks).keys()];
  const memory = memorySideOf(jobs);
  if (memory) return memory.drain(options);
  const { tasks, skipDelays = true, withinMs = 10_000 } = options;
  const counted = countAttempts();
  const pools = internalsOf(jobs);
  const endsAt = performance.now() + withinMs;

  const over = new AbortController();
  const moveAll = createMoveAll(pools, over.signal);

  const start = async () => {
    // The worker has no relay, which would create the tables of the outbox.
    if (pools.outboxPool !== undefined) await jobs.migrateOutbox();
    const gate = await gateFor(options, async () => {
      await jobs.migrate();
      return certainIds({ pools, moveAll }, names, options);
    });
    // Jobs that run beside each other would be fetched before the gate is shut.
    const oneByOne = gate && { concurrency: 1, prefetch: 0 };
    const settings = { tasks, pollIntervalMs: pollEveryMs, relay: false, ...oneByOne };
    return { worker: await pools.startWorker(settings, { onAttempt: counted.count, gate }), gate };
  };
  const starting = start();
  // Running jobs get no more time, because the default deadline is longer than the timeout of most tests.
  const giveUp = () => starting.then(({ worker }) => worker.stop({ deadlineMs: 0 })).catch(() => undefined);
  try {
    const late = () => drainIncomplete(names, { withinMs, cause: undefined });
    const { worker, gate } = await withTimeout(withinMs, starting, late);
    const { endedCount } = counted;
    await untilNoneIsLeft(pools, names, { skipDelays, withinMs, endsAt, endedCount, moveAll, gate });
    await worker.stop();
    return counted.result();
  } catch (error) {
    over.abort();
    await withTimeout(longestGiveUpMs, giveUp()).catch(() => undefined);
    throw error;
  }
}

async function gateFor(
  { limit, follow = true }: DrainOptions,
  certain: () => Promise<readonly string[]>,
): Promise<DrainGate | undefined> {
  if (limit === undefined && follow) return undefined;
  return createDrainGate(limit ?? Number.POSITIVE_INFINITY, follow ? undefined : await certain());
}

interface Draining {
  readonly pools: JobsInternals;
  readonly moveAll: () => Promise<boolean>;
}

/** The jobs that are there now, also those of the outbox. */
async function certainIds(
  { pools, moveAll }: Draining,
  names: readonly string[],
  { skipDelays = true }: DrainOptions,
): Promise<readonly string[]> {
  await moveAll();
  const db = withQueryTimeout(pools.jobsPool());
  if (skipDelays) await makeDueNow(db, names);
  return jobIdsOf(db, names);
}

/** Moves the rows that can be moved. @returns whether the outbox is empty then: a relay may have claimed rows. */
function createMoveAll({ jobsPool, outboxPool }: JobsInternals, signal: AbortSignal): () => Promise<boolean> {
  if (outboxPool === undefined) return async () => true;
  // Made at the first use, because a pool may be closed.
  let moveRound: ReturnType<typeof createBatchMover> | undefined;
  return async () => {
    moveRound ??= createBatchMover({ outbox: outboxPool(), jobs: jobsPool() }, { batchSize, signal });
    while (!signal.aborted && (await moveRound()).movedCount > 0);
    return (await findOutboxWithRows(outboxPool())) === undefined;
  };
}
