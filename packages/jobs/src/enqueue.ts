import { isCausationObserved, tellEffect } from "@acme/shared/causation";
import { explainConnection } from "./database/database-errors.ts";
import { toQueryable, type TransactionHandle } from "./database/queryable.ts";
import { toJobRequests, type JobOptions } from "./job/job-request.ts";
import type { JobWriter } from "./job-writer.ts";
import type { Task } from "./task/task.ts";

/** The settings of a job, and the transaction it belongs to. */
export interface EnqueueOptions extends JobOptions {
  /**
   * A knex transaction, a pg client in a transaction, or anything with `query(text, values)`. The job exists if and only
   * if that transaction commits. Without it, the job exists when the promise resolves.
   */
  readonly tx?: TransactionHandle;
}

/** Adds jobs. */
export interface Enqueue {
  /**
   * Adds one job and returns its id (UUIDv7), which is the `idempotencyKey` of its runs.
   *
   * With `tx`, the job exists if and only if that transaction commits. With an outbox, this holds across both databases.
   *
   * Without `tx`, calls that are made at once share a statement: those of one tick, and those that come while a statement is on its
   * way. A job with a `key` or a `queue` has a statement of its own. A refused job harms no other.
   *
   * @throws {@link JobsError} `PAYLOAD_INVALID` if the payload does not fit the task's schema, or JSON would change
   * it; `ENQUEUE_INVALID` for options out of range; `TASK_UNKNOWN`; `TRANSACTION_INVALID`; `MIGRATION_MISSING`;
   * `KEY_CONTENDED`. No job is added then. Without `tx` and without an outbox also `JOBS_DATABASE_UNREACHABLE`: if the
   * connection was lost, or the database did not answer within 30 seconds (plus a millisecond for each job of the statement), the job may
   * have been added or not; if the wait for a synchronous standby was cancelled, it was added, and a failover may lose it.
   * @example
   * ```ts
   * await knex.transaction(async (tx) => {
   *   const [order] = await tx("orders").insert({ total }).returning("id");
   *   await jobs.enqueue(sendReceipt, { orderId: order.id }, { tx });
   * });
   * ```
   */
  enqueue<Input>(
    task: Task<string, Input, unknown>,
    payload: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Promise<string>;
  /**
   * As {@link enqueue}, for many jobs of one task: adds all or none in one statement, and returns the ids in order.
   *
   * @throws what {@link enqueue} throws; `ENQUEUE_INVALID` also for a `key` with several jobs.
   */
  enqueueMany<Input>(
    task: Task<string, Input, unknown>,
    payloads: readonly NoInfer<Input>[],
    options?: EnqueueOptions,
  ): Promise<string[]>;
}

export interface EnqueueDependencies {
  readonly writer: JobWriter;
  readonly hasOutbox: boolean;
  /** Jobs were written, and are committed. */
  readonly onCommitted: () => void;
  /** Jobs were written in the caller's transaction. */
  readonly onWritten: () => void;
}

export function createEnqueue({ writer, hasOutbox, onCommitted, onWritten }: EnqueueDependencies) {
  const writing = new Set<Promise<unknown>>();

  const write: Enqueue["enqueueMany"] = async (task, payloads, options = {}) => {
    const { tx, ...settings } = options;
    // `tx: undefined` is a mistake: the caller meant to pass a transaction.
    if ("tx" in options && tx === undefined) toQueryable(tx);
    const requests = await toJobRequests(task, payloads, { options: settings });
    try {
      await writer.write(requests, tx);
    } catch (error) {
      // The caller's transaction may need the driver's own error.
      throw tx === undefined && !hasOutbox ? explainConnection(error, false) : error;
    }
    if (isCausationObserved()) tellEffect({ kind: "task", name: task.name });
    if (tx === undefined) onCommitted();
    else onWritten();
    return requests.map(({ id }) => id);
  };

  const enqueueMany: Enqueue["enqueueMany"] = async (...args) => {
    const written = write(...args);
    writing.add(written);
    return written.finally(() => writing.delete(written));
  };
  const enqueue: Enqueue["enqueue"] = async (task, payload, options) => {
    const [id] = await enqueueMany(task, [payload], options);
    return id as string;
  };
  /** Resolves when every call that has begun has succeeded or failed. */
  const settled = () => Promise.allSettled(writing);

  return { enqueue, enqueueMany, settled };
}
