import { checkNames } from "../check-options.ts";
import { askJobs } from "../database/ask-jobs.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { toQueryable, type Queryable, type TransactionHandle } from "../database/queryable.ts";
import { listStoredJobs } from "../graphile/stored-jobs.ts";
import { internalsOf } from "../internals.ts";
import { toEnqueuedJobs, type EnqueuedJob } from "../job/enqueued-job.ts";
import type { Jobs } from "../jobs.ts";
import { listStoredRows } from "../outbox/stored-rows.ts";
import { assertTask, type Task } from "../task/task.ts";
import { memorySideOf } from "./memory/memory-side.ts";

/** Through which connection {@link enqueued} looks. */
export interface EnqueuedOptions {
  /** A transaction as for `enqueue`. With it, jobs are found that it has written and not committed yet. */
  readonly tx?: TransactionHandle;
}

/**
 * Lists the jobs of a task, or of all tasks, that have been enqueued and have not ended: those that wait for their time or for
 * their next attempt, that are due, or that run. Rows of the outbox are among them. A job that is done is not, nor is a dead
 * letter. Nothing is changed.
 *
 * @returns the jobs in the order of enqueueing. The order between processes is that of their clocks.
 * @throws {@link JobsError} `TASK_UNKNOWN`, `OPTIONS_INVALID`, `MIGRATION_MISSING`; `TRANSACTION_INVALID` for a `tx` that
 * `enqueue` refuses; `JOBS_DATABASE_REFUSED`, `JOBS_DATABASE_UNREACHABLE`. Errors of `tx` and of the outbox's database are
 * thrown unchanged.
 * @example
 * ```ts
 * const [job] = await enqueued(jobs, sendReceipt);
 * expect(job?.payload.orderId).toBe(orderId);
 * expect(await enqueued(jobs)).toHaveLength(1);
 * ```
 */
export async function enqueued<Input, Output>(
  jobs: Jobs,
  task: Task<string, Input, Output>,
  options?: EnqueuedOptions,
): Promise<EnqueuedJob<Output>[]>;
export async function enqueued(jobs: Jobs, options?: EnqueuedOptions): Promise<EnqueuedJob[]>;
export async function enqueued(jobs: Jobs, ...given: readonly unknown[]): Promise<EnqueuedJob[]> {
  const [first, second] = given;
  // An `undefined` in the place of the task may come from modules that import each other: it must not mean all tasks.
  if (given.length === 0 || isOptions(first)) return list(jobs, null, first ?? {});
  assertTask(first);
  return list(jobs, first.name, (second as EnqueuedOptions | undefined) ?? {});
}

function isOptions(value: unknown): value is EnqueuedOptions {
  return typeof value === "object" && value !== null && !("payload" in value);
}

async function list(jobs: Jobs, task: string | null, options: EnqueuedOptions): Promise<EnqueuedJob[]> {
  checkNames(options, { what: "enqueued()", known: ["tx"] satisfies (keyof EnqueuedOptions)[] });
  const memory = memorySideOf(jobs);
  if (memory) return memory.list(task, options);
  const { jobsPool, outboxPool, hasJobs, isOneDatabase } = internalsOf(jobs);
  const tx = "tx" in options ? toQueryable(options.tx) : undefined;
  // The outbox first, from which rows go to the jobs.
  const rows = outboxPool ? await listStoredRows(tx ?? withQueryTimeout(outboxPool()), task) : [];
  const ofJobs = outboxPool === undefined || isOneDatabase() ? tx : undefined;
  const read = (db: Queryable) => listStoredJobs(db, task);
  const stored = ofJobs ? await read(ofJobs) : hasJobs ? await askJobs(jobsPool, read) : [];
  return toEnqueuedJobs([...rows, ...stored]);
}
