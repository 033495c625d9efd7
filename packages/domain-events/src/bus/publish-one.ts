import { callHandler } from "./call-handler.ts";
import { isPromiseLike } from "@acme/shared/promise-like";
import type { HandlerContext } from "./handler.ts";
import type { InProcessHandler } from "./handlers-by-delivery.ts";
import { publishEnded } from "./publish-errors.ts";
import { PublishQueue } from "./publish-queue.ts";
import { handlersWithoutTransaction, type Publishing } from "./publish-settings.ts";
import type { QueuedEvent } from "./queued-event.ts";
import { tellEvent } from "./tell-event.ts";

interface SingleEvent extends QueuedEvent {
  readonly publishing: Publishing<undefined>;
  /** Made only when it is needed. */
  run: PublishQueue<undefined> | undefined;
  isOver: boolean;
}

/**
 * Publishes one event, which is what nearly every publish does, in a plain loop over its handlers and with few
 * allocations. A {@link PublishQueue} takes over when more is needed: for a promise with handlers behind it, a failure,
 * a recorded event, or a lifecycle listener.
 */
export function publishOne(publishing: Publishing<undefined>, event: object): Promise<undefined> | undefined {
  const handlers = handlersWithoutTransaction(publishing.registrations, event);
  tellEvent(event);
  const single: SingleEvent = {
    publishing,
    event,
    handlers,
    parent: undefined,
    length: 1,
    next: undefined,
    run: undefined,
    isOver: false,
  };
  const context: HandlerContext = { record: (recorded) => record(single, recorded) };

  const { lifecycle } = publishing.settings;
  let position = 0;
  for (; position < handlers.length && !lifecycle.isWatched; position += 1) {
    try {
      const outcome = callHandler(handlers[position] as InProcessHandler, event, context);
      if (isPromiseLike(outcome)) return goOnAfter(single, position, outcome);
    } catch (error) {
      return runOf(single).resumeAfterFailure(position, error);
    }
  }
  return end(single, position);
}

function goOnAfter(single: SingleEvent, position: number, outcome: PromiseLike<unknown>): Promise<undefined> {
  const isLast = position + 1 === single.handlers.length;
  if (!isLast || single.publishing.settings.handlerTimeoutMs !== undefined) {
    return runOf(single).resumeAfter(position, outcome);
  }
  // No handler is left to run, and `then` costs two thirds of what an async function would.
  return Promise.resolve(outcome).then(
    () => end(single, position + 1),
    (error: unknown) => runOf(single).resumeAfterFailure(position, error),
  );
}

function end(single: SingleEvent, position: number): Promise<undefined> | undefined {
  if (single.run || single.publishing.settings.lifecycle.isWatched) return runOf(single).resume(position);
  single.isOver = true;
  return undefined;
}

function record(single: SingleEvent, recorded: object): void {
  if (single.isOver) throw publishEnded(single.event);
  runOf(single).record(recorded, single);
}

function runOf(single: SingleEvent): PublishQueue<undefined> {
  return (single.run ??= new PublishQueue(single.publishing, single));
}
