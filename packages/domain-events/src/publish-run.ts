import { DomainEventsError, EventLoopError, type HandlerFailure } from "./errors.ts";
import { eventTypeOf } from "./event.ts";
import { chainOf, type Link, longestChain } from "./event-chain.ts";
import type { HandlerContext } from "./handler.ts";
import { callHandler, type InProcess, isThenable, logFailure, withTimeout } from "./handler-call.ts";
import { type Lifecycle, tell } from "./lifecycle.ts";
import type { Logger } from "./logger.ts";
import type { Registrations } from "./registrations.ts";

export interface PublishSettings {
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly failFast: boolean;
  readonly handlerTimeoutMs: number | undefined;
}

/** A handler that did not run, or had not finished, when publishing was given up. */
export interface DroppedHandler {
  readonly eventType: string;
  readonly handler: string;
}

interface QueuedLink extends Link {
  readonly handlers: readonly InProcess[];
  readonly context: HandlerContext;
}

const noFailures: readonly HandlerFailure[] = Object.freeze([]);

/**
 * Runs the handlers of some events, and of what these record, breadth first. As long as no handler returns a promise,
 * none is made here either.
 */
export class PublishRun {
  readonly #settings: PublishSettings;
  readonly #registrations: Registrations<never>;
  readonly #queue: QueuedLink[] = [];
  readonly #failures: HandlerFailure[] = [];
  #position = 0;
  #handlerPosition = 0;
  #isOver = false;

  /**
   * @param committed events of a unit of work, whose beforeCommit and durable handlers have been served in it.
   * @throws {@link DomainEventsError} `NEEDS_UNIT_OF_WORK` before any handler has run.
   */
  constructor(
    settings: PublishSettings,
    registrations: Registrations<never>,
    events: Iterable<object>,
    { committed }: { committed: boolean },
  ) {
    this.#settings = settings;
    this.#registrations = registrations;
    for (const event of events) this.#enqueue(event, undefined, committed);
  }

  /** Resolves with the failures, which are logged already. Never rejects. */
  start(): readonly HandlerFailure[] | Promise<readonly HandlerFailure[]> {
    const pending = this.#runUntilPending();
    return pending ? this.#continue(pending) : this.#end();
  }

  /** Starts no further handler, and tells which ones that leaves undone. */
  giveUp(): DroppedHandler[] {
    if (this.#isOver) return [];
    this.#isOver = true;
    const running = Math.max(this.#handlerPosition - 1, 0);
    return this.#queue
      .slice(this.#position)
      .flatMap((link, index) =>
        link.handlers
          .slice(index === 0 ? running : 0)
          .map(({ name }) => ({ eventType: eventTypeOf(link.event), handler: name })),
      );
  }

  async #continue(first: Promise<void>): Promise<readonly HandlerFailure[]> {
    for (let pending: Promise<void> | undefined = first; pending; pending = this.#runUntilPending()) await pending;
    return this.#end();
  }

  #runUntilPending(): Promise<void> | undefined {
    while (!this.#isOver) {
      const link = this.#queue[this.#position];
      if (!link) return undefined;
      if (this.#handlerPosition === 0) this.#tellPublished(link.event);
      const registration = link.handlers[this.#handlerPosition];
      if (registration) {
        this.#handlerPosition += 1;
        const pending = this.#call(link, registration);
        if (pending) return pending;
      } else {
        this.#position += 1;
        this.#handlerPosition = 0;
      }
    }
    return undefined;
  }

  #call(link: QueuedLink, registration: InProcess): Promise<void> | undefined {
    const startedAt = this.#isWatched() ? performance.now() : 0;
    try {
      const outcome = callHandler(registration, link.event, link.context);
      if (isThenable(outcome)) return this.#settle(link, registration, outcome, startedAt);
      this.#succeed(link, registration, startedAt);
    } catch (error) {
      this.#fail(link, registration, startedAt, error);
    }
    return undefined;
  }

  async #settle(
    link: QueuedLink,
    registration: InProcess,
    outcome: PromiseLike<unknown>,
    startedAt: number,
  ): Promise<void> {
    try {
      const { handlerTimeoutMs } = this.#settings;
      await (handlerTimeoutMs === undefined
        ? outcome
        : withTimeout(outcome, handlerTimeoutMs, link.event, registration));
      this.#succeed(link, registration, startedAt);
    } catch (error) {
      this.#fail(link, registration, startedAt, error);
    }
  }

  #succeed({ event }: Link, { name: handler }: InProcess, startedAt: number): void {
    if (!this.#isWatched()) return;
    const durationMs = performance.now() - startedAt;
    tell(this.#settings.lifecycle, this.#settings.logger, "handler:succeeded", { event, handler, durationMs });
  }

  #fail({ event }: Link, { name: handler }: InProcess, startedAt: number, error: unknown): void {
    const { logger, lifecycle, failFast } = this.#settings;
    this.#failures.push({ event, handler, error });
    logFailure(logger, event, handler, error);
    if (this.#isWatched()) {
      const durationMs = performance.now() - startedAt;
      tell(lifecycle, logger, "handler:failed", { event, handler, durationMs, error });
    }
    if (failFast) this.#isOver = true;
  }

  #tellPublished(event: object): void {
    const { lifecycle, logger } = this.#settings;
    if (lifecycle.listenerCount("event:published") > 0) tell(lifecycle, logger, "event:published", { event });
  }

  #isWatched(): boolean {
    const { lifecycle } = this.#settings;
    return lifecycle.listenerCount("handler:succeeded") > 0 || lifecycle.listenerCount("handler:failed") > 0;
  }

  #enqueue(event: object, parent: QueuedLink | undefined, committed: boolean): void {
    const handlers = this.#registrations.of(event);
    const inTransaction = handlers.beforeCommit[0];
    if (inTransaction && !committed) throw needsUnitOfWork(event, inTransaction.name);
    const link: QueuedLink = {
      event,
      parent,
      length: parent ? parent.length + 1 : 1,
      handlers: committed ? handlers.afterCommit : handlers.anywhere,
      context: { record: (recorded) => this.#record(recorded, link) },
    };
    this.#queue.push(link);
  }

  #record(event: object, parent: QueuedLink): void {
    if (this.#isOver) {
      throw new DomainEventsError(
        "PUBLISH_ENDED",
        `A handler of "${eventTypeOf(parent.event)}" recorded an event after its publish had ended. Await what the handler starts, or use publish().`,
      );
    }
    if (parent.length > longestChain) {
      // Whatever the handler does with this error: nothing further may run, or a branching circle would never end.
      this.#isOver = true;
      const error = new EventLoopError(chainOf(event, parent));
      this.#failures.push({
        event: parent.event,
        handler: parent.handlers[this.#handlerPosition - 1]?.name ?? "",
        error,
      });
      throw error;
    }
    this.#enqueue(event, parent, false);
  }

  #end(): readonly HandlerFailure[] {
    this.#isOver = true;
    return this.#failures.length === 0 ? noFailures : this.#failures;
  }
}

function needsUnitOfWork(event: object, handler: string): DomainEventsError {
  const type = eventTypeOf(event);
  return new DomainEventsError(
    "NEEDS_UNIT_OF_WORK",
    `Handler "${handler}" of "${type}" runs in a transaction (beforeCommit), and there is none. Publish "${type}" inside unitOfWork.run(), or record it there.`,
  );
}
