export { NonRetryableError, RetryAfterError, SnoozeError, snooze } from "./task/attempt-errors.ts";
export type { Connection } from "./database/lazy-pool.ts";
export type { DeadLetter, DeadLetterFilter, DeadLetters } from "./dead-letters.ts";
export type { MigrateOptions } from "./migrator.ts";
export type { Durable, DurableOptions } from "./durable.ts";
export type { DurableHandler, DurableReceipt, DurableStore, DurableTransaction } from "@acme/shared/durable-handler";
export { JobsError, type JobsErrorCode } from "./errors.ts";
export type { JobsHealth } from "./health.ts";
export type { JobOptions } from "./job/job-request.ts";
export type { Enqueue, EnqueueOptions } from "./enqueue.ts";
export { createJobs, type Jobs, type JobsOptions } from "./jobs.ts";
export type { Logger } from "@acme/shared/logger";
export { isInfrastructureError } from "./task/infrastructure-error.ts";
export { isNetworkError } from "./task/network-error.ts";
export { histogramBoundsMs } from "./statistics/histogram.ts";
export type { IdempotencyKeyRetention } from "./idempotency-keys.ts";
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
export type { StandardSchema } from "@acme/shared/standard-schema";
export { defineTask, type Task, type TaskOptions } from "./task/task.ts";
export type { IdempotencyKeys, WorkerOptions } from "./worker/worker-options.ts";
export type { StopOptions } from "./worker/stop-worker.ts";
export type { Worker, WorkerState } from "./worker/worker.ts";
