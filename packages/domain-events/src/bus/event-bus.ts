import { assertEvent } from "../event/assert-event.ts";
import { checkDuration, checkNames, namesOf } from "../check-options.ts";
import { CurrentRegistrations } from "./current-registrations.ts";
import { DomainEventsError, type HandlerFailure } from "../errors.ts";
import type { ClassOf } from "../event/event.ts";
import { type AnyHandler, deliveryOf, type Handler, handlerName } from "./handler.ts";
import { createLifecycle, type Lifecycle, tell } from "./lifecycle.ts";
import type { Logger } from "@acme/shared/logger";
import { protectLogger } from "@acme/shared/protect-logger";
import { defaultLogger } from "../default-logger.ts";
import { processSymbol } from "../process-global.ts";
import { publishOne } from "./publish-one.ts";
import { PublishQueue } from "./publish-queue.ts";
import type { PublishSettings } from "./publish-settings.ts";
import { classNameOf, type Registrations } from "./registrations.ts";
import { findScope, type RunningUnit } from "../current-unit.ts";

/** How a bus logs, and what it does with handlers that fail or hang. */
export interface EventBusOptions {
  /**
   * Logs each failure of a handler once. A pino logger fits. If the logger throws, nothing else is disturbed, and the
   * error that it could not log goes to the console. Default: only errors are logged, to the console.
   */
  readonly logger?: Logger;
  /**
   * What happens to the other handlers if one fails. `"isolate"` (default): all of them run, and then `publish` rejects
   * with one {@link HandlersFailedError}. `"fail-fast"`: no further handler runs, and `publish` rejects with the first
   * error itself.
   */
  readonly handlerErrors?: "isolate" | "fail-fast";
  /**
   * An afterCommit or durable handler that has not settled after this many milliseconds counts as failed, with
   * `HANDLER_TIMEOUT`: from 0 to 2,147,483,647 (24 days), or Infinity for no limit. Default: no limit.
   */
  readonly handlerTimeoutMs?: number;
}

/** Delivers events to their handlers. `Tx` is the transaction that beforeCommit handlers get. */
export interface EventBus<in Tx = unknown> {
  /** Emits what happens on the bus, for monitoring and tests. It costs nothing while it has no listeners. */
  readonly lifecycle: Lifecycle;

  /**
   * Registers a handler for a class of events and its subclasses. A plain function runs after the commit;
   * `beforeCommit()` and `jobs.durable()` make handlers with another delivery.
   *
   * The handlers of an event run in registration order. A handler that is registered twice runs twice. A publish under
   * way is not affected: it keeps the handlers that it started with.
   *
   * @returns a function that removes this one registration; calling it twice is harmless.
   * @throws {@link DomainEventsError} `EVENT_CLASS_INVALID`, `HANDLER_INVALID`, `EVENT_NAME_TAKEN`.
   *
   * @example
   * bus.register(UserRegistered, function greet(event) { … });
   * bus.register(UserRegistered, beforeCommit(async (event, { tx }) => { … }));
   */
  // Without NoInfer, which an editor shows at the parameter of each handler. A handler of another event is refused as well.
  register<Event extends object>(eventClass: ClassOf<Event>, handler: Handler<Event, Tx>): () => void;

  /**
   * Runs the handlers of an event, one after the other, and then the handlers of the events that these record. Inside a
   * running unit of work of this bus it records the event instead, which is published once that unit has committed.
   *
   * Never throws synchronously. If no handler returns a promise, all of them have run when it returns.
   *
   * @throws {@link HandlersFailedError} `HANDLERS_FAILED` if handlers failed, once all have run (see `handlerErrors`);
   * {@link EventLoopError} `EVENT_LOOP`; {@link DomainEventsError} `NEEDS_UNIT_OF_WORK` for an event with a beforeCommit handler outside a
   * unit of work, before anything ran; `EVENT_INVALID`, `EVENT_NAME_TAKEN`; `UNIT_ENDED` while the unit commits.
   */
  publish(event: object): Promise<void>;

  /**
   * {@link publish} for several events, in order: the handlers of all of them run before those of events they record.
   *
   * @throws what {@link publish} throws.
   */
  publishAll(events: Iterable<object>): Promise<void>;

  /**
   * Removes every registration. A publish under way keeps the handlers that it started with.
   *
   * @throws Nothing.
   */
  clearHandlers(): void;

  readonly [dispatcher]: Dispatcher<Tx>;
}

/** What a unit of work needs from a bus. */
export interface Dispatcher<in Tx> {
  readonly settings: PublishSettings;
  readonly registrations: () => Registrations<Tx>;
  /** Runs the afterCommit handlers of events whose unit has committed. */
  readonly runCommitted: (
    events: readonly object[],
    registrations: Registrations<never>,
  ) => PublishQueue<readonly HandlerFailure[]>;
}

// A registered symbol, so that a unit of work from the other build (ESM or CJS) finds it, too.
export const dispatcher: unique symbol = processSymbol("dispatcher") as typeof dispatcher;

const published: Promise<void> = Promise.resolve();

/**
 * Creates a bus.
 *
 * @throws {@link DomainEventsError} `OPTIONS_INVALID`.
 *
 * @example
 * const bus = createEventBus<Knex.Transaction>({ logger });
 * const unitOfWork = createUnitOfWork(knexTransactions(knex), { bus });
 */
export function createEventBus<Tx = unknown>(options: EventBusOptions = {}): EventBus<Tx> {
  const settings = settingsOf(options);
  const current = new CurrentRegistrations<Tx>(settings);
  const internals: Dispatcher<Tx> = {
    settings,
    registrations: () => current.hold(),
    runCommitted(events, snapshot) {
      const run = new PublishQueue({ settings, registrations: snapshot, conclude: (failures) => failures });
      for (const event of events) run.addCommitted(event);
      return run;
    },
  };
  const isOurs = (unit: RunningUnit): boolean => unit.bus === internals;

  function publish(event: object): Promise<void> {
    try {
      const scope = findScope(isOurs);
      if (!scope) return publishOne(current.publishing, event) ?? published;
      scope.unit.recordIn(scope, event);
      return published;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  function publishAll(events: Iterable<object>): Promise<void> {
    try {
      const scope = findScope(isOurs);
      if (scope) {
        // All or none: an event that is refused has to be found before the first one is recorded.
        const all = [...events];
        for (const event of all) assertEvent(event);
        for (const event of all) scope.unit.recordIn(scope, event);
        return published;
      }
      current.hold();
      const run = new PublishQueue(current.publishing);
      for (const event of events) run.add(event);
      return run.start() ?? published;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  return {
    lifecycle: settings.lifecycle,
    register(eventClass, handler) {
      checkClass(eventClass);
      const delivery = deliveryOf(handler);
      // Handlers are looked up by the class of the event, so this one is only called with events of its class.
      const kept = handler as AnyHandler<Tx>;
      const unregister = current.add(eventClass, kept);
      if (settings.lifecycle.listenerCount("handler:registered") > 0) {
        const eventType = classNameOf(eventClass);
        tell(settings, "handler:registered", { eventType, handler: handlerName(kept), delivery });
      }
      return unregister;
    },
    publish,
    publishAll,
    clearHandlers: () => current.clear(),
    [dispatcher]: internals,
  };
}

const optionNames = namesOf<EventBusOptions>({ logger: true, handlerErrors: true, handlerTimeoutMs: true });

/** @throws {@link DomainEventsError} `OPTIONS_INVALID`. */
function settingsOf(options: EventBusOptions): PublishSettings {
  checkNames("createEventBus()", options, optionNames);
  return {
    logger: protectLogger(options.logger ?? defaultLogger, defaultLogger),
    lifecycle: createLifecycle(),
    failFast: checkHandlerErrors(options.handlerErrors) === "fail-fast",
    handlerTimeoutMs: checkHandlerTimeout(options.handlerTimeoutMs),
  };
}

function checkHandlerErrors(mode: EventBusOptions["handlerErrors"] = "isolate"): string {
  if (mode === "isolate" || mode === "fail-fast") return mode;
  throw new DomainEventsError("OPTIONS_INVALID", 'handlerErrors is "isolate" or "fail-fast".');
}

/** Infinity becomes `undefined`, so that no timer is set for it. */
function checkHandlerTimeout(timeoutMs: number = Infinity): number | undefined {
  return checkDuration("handlerTimeoutMs", timeoutMs) === Infinity ? undefined : timeoutMs;
}

function checkClass(eventClass: unknown): void {
  if (typeof eventClass === "function" && typeof eventClass.prototype === "object" && eventClass.prototype !== null) {
    return;
  }
  throw new DomainEventsError(
    "EVENT_CLASS_INVALID",
    "register() takes the class of an event first, such as UserRegistered. " +
      "If it is undefined, two modules import each other in a circle.",
  );
}
