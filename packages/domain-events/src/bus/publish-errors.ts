import { DomainEventsError, EventLoopError, type HandlerFailure, HandlersFailedError } from "../errors.ts";
import { eventTypeOf } from "../event/event.ts";

/** Ends `publish`: throws the error with which it rejects, if there were failures. */
export function throwFailures(
  failures: readonly HandlerFailure[],
  { failFast }: { readonly failFast: boolean },
): undefined {
  const first = failures[0];
  if (!first) return undefined;
  const loop = failures.find(({ error }) => isEventLoop(error));
  throw failFast || loop ? (loop ?? first).error : new HandlersFailedError(failures);
}

function isEventLoop(error: unknown): boolean {
  try {
    return error instanceof EventLoopError;
  } catch {
    // `instanceof` throws for a revoked proxy.
    return false;
  }
}

export function needsUnitOfWork(event: object, handler: string | undefined): DomainEventsError {
  const type = eventTypeOf(event);
  return new DomainEventsError(
    "NEEDS_UNIT_OF_WORK",
    `Handler "${handler}" of "${type}" runs in a transaction (beforeCommit), but there is none. Publish or record "${type}" inside unitOfWork.run().`,
  );
}

export function publishEnded(event: object): DomainEventsError {
  return new DomainEventsError(
    "PUBLISH_ENDED",
    `A handler of "${eventTypeOf(event)}" recorded an event after its publish had ended. Await what the handler starts, or use publish().`,
  );
}

export function handlerTimedOut(event: object, handler: string, timeoutMs: number): DomainEventsError {
  return new DomainEventsError(
    "HANDLER_TIMEOUT",
    `Handler "${handler}" of "${eventTypeOf(event)}" had not settled after ${timeoutMs} ms (handlerTimeoutMs). It may still be running.`,
  );
}
