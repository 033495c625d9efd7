export { NonRetryableError, RetryAfterError, SnoozeError, snooze } from "./task/attempt-errors.ts";
export { defineConfig, type CliConfig } from "./cli/config.ts";
export type { Connection } from "./database/lazy-pool.ts";
export type { Admin } from "./admin/admin.ts";
export type { JobSelection, PutOffOptions } from "./admin/job-changes.ts";
export type { ChangeOptions, ChangeResult, Progress } from "./change-in-batches.ts";
export type { JobDetails, JobPage } from "./admin/job-details.ts";
export type { QueueInfo, QueuePage } from "./admin/named-queues.ts";
export type { Overview } from "./admin/overview.ts";
export type { PauseInfo } from "./admin/pauses.ts";
export type { Pausable } from "./job/pausable.ts";
export type { ScheduleInfo, SchedulePage } from "./admin/schedule-list.ts";
export type { TaskMinute, TaskMinutesOptions } from "./admin/task-minutes.ts";
export type { Quantiles, TaskStatistics } from "./admin/task-statistics.ts";
export type { WorkersOptions } from "./admin/worker-list.ts";
export type { WorkerInfo } from "./worker/worker-info.ts";
export type { WorkerAbout } from "./worker/about-worker.ts";
export type { DoctorOptions } from "./doctor/doctor.ts";
export type { Finding } from "./doctor/finding.ts";
export type { Thresholds } from "./doctor/thresholds.ts";
export type { JobFilter, Page } from "./job/job-filter.ts";
export type { AttemptError, JobState, JobSummary } from "./job/job-summary.ts";
export type { Origin } from "./job/origin.ts";
export type { OutboxInfo, OutboxRow } from "./outbox/outbox-rows.ts";
export type { DeadLetters } from "./dead-letters.ts";
export type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterGroups,
  DeadLetterPage,
} from "./dead-letters/dead-letter.ts";
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
  type RetryPolicies,
  type RetryPolicy,
} from "./task/retry.ts";
export {
  schedule,
  type Backfill,
  type Overlap,
  type Schedule,
  type ScheduleOptions,
  type Tick,
} from "./schedule/schedule.ts";
export type { Timing } from "./schedule/ticks.ts";
export type { ScheduleTimes } from "./schedule/timing.ts";
export type { StandardSchema } from "@acme/shared/standard-schema";
export { defineTask, type Task, type TaskOptions } from "./task/task.ts";
export type { IdempotencyKeys, WorkerOptions } from "./worker/worker-options.ts";
export type { StopOptions } from "./worker/stop-worker.ts";
export type { Worker, WorkerState } from "./worker/worker.ts";
