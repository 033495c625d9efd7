import type { DurableHandler } from "@acme/shared/durable-handler";
import { asCause, isCausationObserved } from "@acme/shared/causation";
import type { HandlerFailure } from "../errors.ts";
import { eventIdOf, eventTypeOf } from "../event/event.ts";
import { type AfterCommitHandler, type HandlerContext, handlerName } from "./handler.ts";
import type { InProcessHandler } from "./handlers-by-delivery.ts";
import type { Logger } from "@acme/shared/logger";

/** Returns or throws what the handler does. The request of a durable handler is written at once. */
export function callHandler(handler: InProcessHandler, event: object, context: HandlerContext): unknown {
  if (typeof handler !== "function") return enqueue(handler, event);
  if (!isCausationObserved()) return handler(event, context);
  return callAsCause(handler, event, context);
}

/** Apart from its caller, which is called for each handler, and would make room for a closure each time. */
function callAsCause(handler: AfterCommitHandler<object>, event: object, context: HandlerContext): unknown {
  return asCause({ kind: "handler", name: handlerName(handler) }, () => handler(event, context));
}

/** Never logs the properties of the event, which may be personal data. */
export function logFailure(logger: Logger, { event, handler, error }: HandlerFailure): void {
  const fields = {
    eventType: eventTypeOf(event),
    eventId: eventIdOf(event),
    handler,
    err: error,
  };
  logger.error(fields, "An event handler failed");
}

async function enqueue(handler: DurableHandler<object>, event: object): Promise<void> {
  await handler.store.write([handler.toRequest(event)]);
  handler.store.wake();
}
