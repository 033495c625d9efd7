import type { DurableHandler } from "@acme/shared/durable-handler";
import { DomainEventsError } from "../errors.ts";

/** What a handler gets besides the event. It can be destructured. */
export interface HandlerContext {
  /**
   * Records an event that follows from this one. Its handlers run in the same publish, after the handlers of all events
   * published or recorded so far (breadth first).
   *
   * @throws {@link DomainEventsError} `PUBLISH_ENDED` once the publish is over; {@link EventLoopError} if a chain of
   * such events grows longer than 100, or if more than 50,000 events lead back to their own class.
   */
  readonly record: (event: object) => void;
}

/** A handler that runs in process, after the confirmed commit, at most once. It may return a promise. */
export type AfterCommitHandler<in Event> = (event: Event, context: HandlerContext) => unknown;

/**
 * What a beforeCommit handler gets besides the event: the running transaction, and a way to record further events in
 * it.
 */
export interface BeforeCommitContext<out Tx> extends HandlerContext {
  /** The running transaction. */
  readonly tx: Tx;
}

/** A handler that runs inside the transaction; made by {@link beforeCommit}. */
export interface BeforeCommitHandler<in Event, in Tx> {
  readonly delivery: "beforeCommit";
  readonly name: string;
  readonly handle: (event: Event, context: BeforeCommitContext<Tx>) => unknown;
}

/** What `register` takes. The kind of handler decides how the event is delivered. */
export type Handler<Event, Tx> = AfterCommitHandler<Event> | BeforeCommitHandler<Event, Tx> | DurableHandler<Event>;

/** A registered handler. It is looked up by the class of an event, so it is only called with events of its class. */
export type AnyHandler<Tx> = Handler<object, Tx>;

/** When and where a handler runs. */
export type Delivery = "afterCommit" | "beforeCommit" | "durable";

export function deliveryOf(handler: unknown): Delivery {
  if (typeof handler === "function") return "afterCommit";
  if (isWrapped(handler)) return handler.delivery;
  throw new DomainEventsError(
    "HANDLER_INVALID",
    "register() takes a handler second: a function, beforeCommit(function), or durable(task, toPayload).",
  );
}

/** The name of a handler in logs and errors. */
export function handlerName(handler: { readonly name: string }): string {
  try {
    const name: unknown = handler.name;
    if (typeof name === "string" && name !== "") return name;
  } catch {
    // The name may be a getter that throws, of a proxy or a class.
  }
  return "anonymous handler";
}

function isWrapped(handler: unknown): handler is { delivery: "beforeCommit" | "durable" } {
  if (typeof handler !== "object" || handler === null || !("delivery" in handler)) return false;
  if (handler.delivery === "beforeCommit") return "handle" in handler && typeof handler.handle === "function";
  return handler.delivery === "durable" && "toRequest" in handler && "store" in handler;
}
