import type { DurableHandler } from "@acme/shared/durable-handler";
import { DomainEventsError } from "../errors.ts";

/** What a handler gets besides the event. Made to be destructured. */
export interface HandlerContext {
  /**
   * Records an event that follows from this one. Its handlers run after those of everything published so far (breadth
   * first), in the same publish.
   *
   * @throws {@link DomainEventsError} `PUBLISH_ENDED` once the publish is over; {@link EventLoopError} when a chain of
   * such events grows longer than 100, or more than 50,000 lead back to their own class.
   */
  readonly record: (event: object) => void;
}

/** Runs in process, after the confirmed commit, at most once. It may be synchronous or return a promise. */
export type AfterCommitHandler<in Event> = (event: Event, context: HandlerContext) => unknown;

/** What a beforeCommit handler gets besides the event: the running transaction, and a way to record further events in it. */
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

/** What `register` takes: the wrapping says how the event is delivered. */
export type Handler<Event, Tx> = AfterCommitHandler<Event> | BeforeCommitHandler<Event, Tx> | DurableHandler<Event>;

/** A handler once it is registered: found by the class of an event, so it only ever sees events of its own. */
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

/** Stands in logs and errors. */
export function handlerName(handler: { readonly name: string }): string {
  try {
    const name: unknown = handler.name;
    if (typeof name === "string" && name !== "") return name;
  } catch {
    // A name may be a getter, of a proxy or a class.
  }
  return "anonymous handler";
}

function isWrapped(handler: unknown): handler is { delivery: "beforeCommit" | "durable" } {
  if (typeof handler !== "object" || handler === null || !("delivery" in handler)) return false;
  if (handler.delivery === "beforeCommit") return "handle" in handler && typeof handler.handle === "function";
  return handler.delivery === "durable" && "toRequest" in handler && "store" in handler;
}
