import type { DurableHandler } from "@acme/shared/durable-handler";
import { type AfterCommitHandler, type AnyHandler, type BeforeCommitHandler, handlerName } from "./handler.ts";

/** A handler that a unit of work calls inside its transaction, and its name in logs and errors. */
export interface Registration<Kind> {
  readonly name: string;
  readonly handler: Kind;
}

/** A handler that needs no transaction. */
export type InProcessHandler = AfterCommitHandler<object> | DurableHandler<object>;

/** The handlers of one class of events, base classes included, in registration order. */
export interface HandlersOf<in Tx> {
  readonly afterCommit: readonly AfterCommitHandler<object>[];
  readonly beforeCommit: readonly Registration<BeforeCommitHandler<object, Tx>>[];
  readonly durable: readonly Registration<DurableHandler<object>>[];
  /** The handlers that need no transaction: afterCommit and durable ones. */
  readonly anywhere: readonly InProcessHandler[];
}

const none: readonly never[] = Object.freeze([]);

export function sortByDelivery<Tx>(handlers: readonly AnyHandler<Tx>[]): HandlersOf<Tx> {
  // Nearly always all are afterCommit handlers. Then one list can be shared.
  if (handlers.every(isAfterCommit)) {
    return {
      afterCommit: handlers,
      beforeCommit: none,
      durable: none,
      anywhere: handlers,
    };
  }
  return {
    afterCommit: handlers.filter(isAfterCommit),
    beforeCommit: handlers.filter(isBeforeCommit).map(withName),
    durable: handlers.filter(isDurable).map(withName),
    anywhere: handlers.filter((handler): handler is InProcessHandler => !isBeforeCommit(handler)),
  };
}

function isAfterCommit(handler: AnyHandler<never>): handler is AfterCommitHandler<object> {
  return typeof handler === "function";
}

function isBeforeCommit<Tx>(handler: AnyHandler<Tx>): handler is BeforeCommitHandler<object, Tx> {
  return typeof handler === "object" && handler.delivery === "beforeCommit";
}

function isDurable(handler: AnyHandler<never>): handler is DurableHandler<object> {
  return typeof handler === "object" && handler.delivery === "durable";
}

function withName<Kind extends AnyHandler<never>>(handler: Kind): Registration<Kind> {
  return { name: handlerName(handler), handler };
}
