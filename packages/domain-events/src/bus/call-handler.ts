import type { DurableHandler } from "./durable-handler.ts";
import { DomainEventsError } from "../errors.ts";
import { eventIdOf, eventTypeOf } from "../event/event.ts";
import type { HandlerContext } from "./handler.ts";
import type { InProcessHandler } from "./handlers-by-delivery.ts";
import type { Logger } from "../logger.ts";
import { within } from "../timeout.ts";

/** What the handler returns or throws; the request of a durable one is written at once. */
export function callHandler(handler: InProcessHandler, event: object, context: HandlerContext): unknown {
  return typeof handler === "function" ? handler(event, context) : enqueue(handler, event);
}

export async function withTimeout(
  outcome: PromiseLike<unknown>,
  timeoutMs: number,
  event: object,
  handler: string,
): Promise<void> {
  await within(timeoutMs, outcome, () => {
    const message = `Handler "${handler}" of "${eventTypeOf(event)}" had not settled after ${timeoutMs} ms (handlerTimeoutMs). It may still be running.`;
    return new DomainEventsError("HANDLER_TIMEOUT", message);
  });
}

/** Never with what the event carries: logs are no place for personal data. */
export function logFailure(logger: Logger, event: object, handler: string, error: unknown): void {
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
