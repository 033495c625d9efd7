import type { HandlerFailure } from "../errors.ts";
import { CircleGuard, type Link } from "./event-chain.ts";
import { type HandlerContext, handlerName } from "./handler.ts";
import { callHandler, logFailure } from "./call-handler.ts";
import { isPromiseLike } from "@acme/shared/promise-like";
import type { InProcessHandler } from "./handlers-by-delivery.ts";
import { tell } from "./lifecycle.ts";
import { handlerTimedOut, publishEnded } from "./publish-errors.ts";
import { handlersWithoutTransaction, type Publishing } from "./publish-settings.ts";
import { type DroppedHandler, handlersLeft, type QueuedEvent, queuedEvent } from "./queued-event.ts";
import { withTimeout } from "@acme/shared/timeout";

/**
 * Runs the handlers of some events, and of the events that these record, breadth first. As long as no handler returns a
 * promise, none is made here either. From then on there is one promise for the whole run.
 */
export class PublishQueue<Outcome> {
  readonly #publishing: Publishing<Outcome>;
  readonly #failures: HandlerFailure[] = [];
  #current: QueuedEvent | undefined;
  #last: QueuedEvent | undefined;
  /** The position of the running handler among those of the current event. */
  #position = 0;
  #startedAt = 0;
  #circles: CircleGuard | undefined;
  /** The error that ended a circle. It is reported where it is made, since a handler may swallow it. */
  #loop: unknown;
  #isOver = false;

  constructor(publishing: Publishing<Outcome>, first?: QueuedEvent) {
    this.#publishing = publishing;
    this.#current = first;
    this.#last = first;
  }

  /** @throws {@link DomainEventsError} `NEEDS_UNIT_OF_WORK`. */
  add(event: object): void {
    this.#enqueue(event, handlersWithoutTransaction(this.#publishing.registrations, event));
  }

  /** Adds an event whose beforeCommit and durable handlers were called by its unit of work. */
  addCommitted(event: object): void {
    this.#enqueue(event, this.#publishing.registrations.of(event).afterCommit);
  }

  /** @throws {@link DomainEventsError} `PUBLISH_ENDED`, `NEEDS_UNIT_OF_WORK`; {@link EventLoopError}. */
  record(event: object, parent: Link): void {
    if (this.#isOver) throw publishEnded(parent.event);
    const handlers = handlersWithoutTransaction(this.#publishing.registrations, event);
    try {
      this.#circles ??= new CircleGuard();
      this.#circles.follow(event, parent);
    } catch (error) {
      // Nothing further may run, even if the handler swallows this error. Otherwise a branching circle would never end.
      this.#isOver = true;
      this.#fail(error);
      this.#loop = error;
      throw error;
    }
    this.#enqueue(event, handlers, parent);
  }

  start(): Outcome | Promise<Outcome> {
    const pending = this.#runUntilPending();
    return pending ? this.#continue(pending) : this.#end();
  }

  /** Starts with the handler of the current event at that position. */
  resume(position: number): Outcome | Promise<Outcome> {
    this.#position = position;
    return this.start();
  }

  /** Goes on when the handler at that position has settled. */
  resumeAfter(position: number, outcome: PromiseLike<unknown>): Promise<Outcome> {
    this.#position = position;
    return this.#continue(this.#limit(outcome));
  }

  /** Goes on after the handler at that position, which has thrown. */
  resumeAfterFailure(position: number, error: unknown): Outcome | Promise<Outcome> {
    this.#position = position;
    this.#fail(error);
    return this.resume(position + 1);
  }

  /** Starts no further handler, and returns the handlers that have not run or not finished. */
  giveUp(): DroppedHandler[] {
    if (this.#isOver) return [];
    this.#isOver = true;
    return handlersLeft(this.#current, this.#position);
  }

  async #continue(first: PromiseLike<unknown>): Promise<Outcome> {
    for (let pending: PromiseLike<unknown> | undefined = first; pending; pending = this.#runUntilPending()) {
      try {
        await pending;
        this.#succeed();
      } catch (error) {
        this.#fail(error);
      }
      this.#position += 1;
    }
    return this.#end();
  }

  #runUntilPending(): PromiseLike<unknown> | undefined {
    while (this.#current && !this.#isOver) {
      const pending = this.#runHandlers(this.#current);
      if (pending) return pending;
      this.#current = this.#current.next;
      this.#position = 0;
    }
    return undefined;
  }

  #runHandlers(queued: QueuedEvent): PromiseLike<unknown> | undefined {
    const { event, handlers } = queued;
    const context: HandlerContext = { record: (recorded) => this.record(recorded, queued) };
    const { settings } = this.#publishing;
    const { lifecycle } = settings;
    if (lifecycle.isWatched && this.#position === 0) tell(settings, "event:published", { event });
    for (; this.#position < handlers.length && !this.#isOver; this.#position += 1) {
      if (lifecycle.isWatched) this.#startedAt = performance.now();
      try {
        const outcome = callHandler(handlers[this.#position] as InProcessHandler, event, context);
        if (isPromiseLike(outcome)) return this.#limit(outcome);
        this.#succeed();
      } catch (error) {
        this.#fail(error);
      }
    }
    return undefined;
  }

  #limit(outcome: PromiseLike<unknown>): PromiseLike<unknown> {
    const { handlerTimeoutMs } = this.#publishing.settings;
    if (handlerTimeoutMs === undefined || !this.#current) return outcome;
    const { event } = this.#current;
    const handler = this.#runningHandler();
    return withTimeout(handlerTimeoutMs, outcome, () => handlerTimedOut(event, handler, handlerTimeoutMs));
  }

  #succeed(): void {
    const { settings } = this.#publishing;
    if (!settings.lifecycle.isWatched || !this.#current) return;
    const durationMs = performance.now() - this.#startedAt;
    const { event } = this.#current;
    tell(settings, "handler:succeeded", { event, handler: this.#runningHandler(), durationMs });
  }

  #fail(error: unknown): void {
    const { settings } = this.#publishing;
    if (!this.#current || (this.#loop !== undefined && this.#loop === error)) return;
    const { event } = this.#current;
    const handler = this.#runningHandler();
    const failure: HandlerFailure = { event, handler, error };
    this.#failures.push(failure);
    logFailure(settings.logger, failure);
    if (settings.lifecycle.isWatched) {
      const durationMs = performance.now() - this.#startedAt;
      tell(settings, "handler:failed", { event, handler, durationMs, error });
    }
    if (settings.failFast) this.#isOver = true;
  }

  #runningHandler(): string {
    const handler = this.#current?.handlers[this.#position];
    return handler ? handlerName(handler) : "";
  }

  #enqueue(event: object, handlers: readonly InProcessHandler[], parent?: Link): void {
    const queued = queuedEvent(event, handlers, parent);
    if (this.#last) this.#last.next = queued;
    else this.#current = queued;
    this.#last = queued;
  }

  #end(): Outcome {
    this.#isOver = true;
    return this.#publishing.conclude(this.#failures, this.#publishing.settings);
  }
}
