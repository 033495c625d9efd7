export { AggregateRoot, type EventRecorder } from "./event/aggregate-root.ts";
export type { Work } from "./unit-of-work/run.ts";
export { beforeCommit } from "./bus/before-commit.ts";
export {
  clearHandlers,
  type DefaultBus,
  defaultBus,
  type DefaultTransaction,
  publish,
  publishAll,
  register,
} from "./bus/default-bus.ts";
export type { DurableHandler, DurableReceipt, DurableStore, DurableTransaction } from "@acme/shared/durable-handler";
export {
  CommitOutcomeUnknownError,
  DomainEventsError,
  type DomainEventsErrorCode,
  EventLoopError,
  type HandlerFailure,
  HandlersFailedError,
  TransactionAbortedError,
} from "./errors.ts";
export { createEventBus, type EventBus, type EventBusOptions } from "./bus/event-bus.ts";
export { type ClassOf, defineEvent, DomainEvent, type EventClass, type EventProperties, props } from "./event/event.ts";
export type {
  AfterCommitHandler,
  BeforeCommitContext,
  BeforeCommitHandler,
  Delivery,
  Handler,
  HandlerContext,
} from "./bus/handler.ts";
export type { StopOptions, StopReport } from "./unit-of-work/runs-in-flight.ts";
export type { Lifecycle, LifecycleEvents } from "./bus/lifecycle.ts";
export type { Logger } from "@acme/shared/logger";
export type { DroppedHandler } from "./bus/queued-event.ts";
export type { UnitRetryOptions } from "./unit-of-work/retry-transaction.ts";
export type { RunOptions } from "./unit-of-work/run-options.ts";
export type { PurgeIdempotencyKeysOptions } from "./unit-of-work/purge-idempotency-keys.ts";
export { idempotencyKeysSql, type RunOnceResult } from "./unit-of-work/run-once.ts";
export { type Correlation, currentCorrelation, type GivenCorrelation, withCorrelation } from "@acme/shared/correlation";
export type { SchemaIssue, SchemaResult, StandardSchema } from "@acme/shared/standard-schema";
export { runOutsideUnits } from "./current-unit.ts";
export type {
  BeginOptions,
  Isolation,
  PipelinedCommit,
  Transaction,
  TransactionAdapter,
  TransactionWatch,
} from "./transaction/transaction-adapter.ts";
export { createUnitOfWork, type UnitOfWork } from "./unit-of-work/unit-of-work.ts";
export type { UnitOfWorkOptions, UnitOfWorkOptionsWithBus } from "./unit-of-work/unit-of-work-options.ts";
export type { UnitContext } from "./unit-of-work/unit-context.ts";
