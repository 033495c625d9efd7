export { AggregateRoot, type EventSource } from "./aggregate-root.ts";
export type { Work } from "./attempt.ts";
export { beforeCommit } from "./before-commit.ts";
export {
  clearHandlers,
  type DefaultBus,
  defaultBus,
  type DefaultTransaction,
  publish,
  publishAll,
  register,
} from "./default-bus.ts";
export type { DurableHandler, DurableReceipt, DurableStore, DurableTransaction } from "./durable-handler.ts";
export {
  CommitOutcomeUnknownError,
  DomainEventsError,
  type DomainEventsErrorCode,
  EventLoopError,
  type HandlerFailure,
  HandlersFailedError,
  TransactionAbortedError,
} from "./errors.ts";
export { createEventBus, type EventBus, type EventBusOptions } from "./event-bus.ts";
export { type ClassOf, defineEvent, DomainEvent, type EventClass, type EventProperties, props } from "./event.ts";
export type {
  AfterCommitHandler,
  BeforeCommitContext,
  BeforeCommitHandler,
  Delivery,
  Handler,
  HandlerContext,
} from "./handler.ts";
export type { StopOptions, StopReport } from "./in-flight.ts";
export type { Lifecycle, LifecycleEvents } from "./lifecycle.ts";
export type { Logger } from "./logger.ts";
export type { DroppedHandler } from "./publish-run.ts";
export type { RetryOptions } from "./retry.ts";
export type { RunOptions } from "./run-options.ts";
export type { PurgeOnceKeysOptions } from "./purge-once-keys.ts";
export { onceKeysSql, type RunOnceResult } from "./run-once.ts";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./standard-schema.ts";
export { runOutsideUnits } from "./running-units.ts";
export type {
  BeginOptions,
  Isolation,
  PipelinedCommit,
  Transaction,
  TransactionAdapter,
  TransactionWatch,
} from "./transaction-adapter.ts";
export { createUnitOfWork, type UnitOfWork, type UnitOfWorkOptions } from "./unit-of-work.ts";
export type { UnitContext } from "./unit.ts";
