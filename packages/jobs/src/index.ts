export { NonRetryableError, RetryAfterError, SnoozeError, snooze } from "./task/attempt-errors.ts";
export type { Connection } from "./database/lazy-pool.ts";
export type { DeadLetter, DeadLetterFilter, DeadLetters } from "./dead-letters.ts";
export type { MigrateOptions } from "./migrator.ts";
export type { Durable, DurableOptions } from "./durable.ts";
export type { DurableHandler, DurableReceipt, DurableStore, DurableTransaction } from "./durable-handler.ts";
export { JobsError, type JobsErrorCode } from "./errors.ts";
export type { JobsHealth } from "./health.ts";
export type { JobOptions } from "./job/job-request.ts";
export { createJobs, type EnqueueOptions, type Jobs, type JobsOptions } from "./jobs.ts";
export type { Logger } from "./logger.ts";
export { isInfrastructureError } from "./task/infrastructure-error.ts";
export { isNetworkError } from "./task/network-error.ts";
export type { OnceKeys, PurgeOnceKeysOptions } from "./once-keys.ts";
export type { OutboxBacklog } from "./outbox/outbox-table.ts";
export type { Relay, RelayOptions } from "./outbox/relay.ts";
export { perform, type AttemptContext, type PerformableTask } from "./task/perform.ts";
export type { TransactionHandle } from "./database/queryable.ts";
export {
  retry,
  type FixedRetryOptions,
  type GrowingRetryOptions,
  type RetryOptions,
  type RetryPolicy,
} from "./task/retry.ts";
export type { StandardSchema } from "./task/standard-schema.ts";
export { defineTask, type Task, type TaskOptions } from "./task/task.ts";
export type { StopOptions, Worker, WorkerOptions, WorkerState } from "./worker/worker.ts";
