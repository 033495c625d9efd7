import { eventTypeOf } from "../event/event.ts";
import type { Link } from "./event-chain.ts";
import { handlerName } from "./handler.ts";
import type { InProcessHandler } from "./handlers-by-delivery.ts";
import { tellEvent } from "./tell-event.ts";

/** An event in the queue. */
export interface QueuedEvent extends Link {
  readonly handlers: readonly InProcessHandler[];
  next: QueuedEvent | undefined;
}

export function queuedEvent(event: object, handlers: readonly InProcessHandler[], parent?: Link): QueuedEvent {
  tellEvent(event);
  return {
    event,
    handlers,
    parent,
    length: parent ? parent.length + 1 : 1,
    next: undefined,
  };
}

/** A handler that had not run, or had not finished, at the deadline of `stop()`. */
export interface DroppedHandler {
  readonly eventType: string;
  readonly handler: string;
}

/** The handlers of the first event from that position on, and all handlers of the events behind it. */
export function handlersLeft(first: QueuedEvent | undefined, position: number): DroppedHandler[] {
  const dropped: DroppedHandler[] = [];
  for (let queued = first; queued; queued = queued.next) {
    const eventType = eventTypeOf(queued.event);
    const left = queued === first ? queued.handlers.slice(position) : queued.handlers;
    dropped.push(...left.map((handler) => ({ eventType, handler: handlerName(handler) })));
  }
  return dropped;
}
