import { EventEmitter } from "node:events";
import { isPromise } from "node:util/types";
import type { Delivery } from "./handler.ts";
import type { Logger } from "@acme/shared/logger";

/** The events that a bus emits about itself. */
export type LifecycleEvents = {
  "handler:registered": (details: { eventType: string; handler: string; delivery: Delivery }) => void;
  /** The handlers of an event are about to run: it was published directly, or its unit of work has committed. */
  "event:published": (details: { event: object }) => void;
  "handler:succeeded": (details: { event: object; handler: string; durationMs: number }) => void;
  "handler:failed": (details: { event: object; handler: string; durationMs: number; error: unknown }) => void;
};

/** An emitter of what happens on a bus, for monitoring and tests: see {@link LifecycleEvents}. */
// A default import of this type would become an undeclared name in the published types, and `any` for a consumer.
export type Lifecycle = import("typed-emitter").default<LifecycleEvents>;

export type LifecycleName = keyof LifecycleEvents;

/** A lifecycle that knows whether its events about publishing have listeners. */
export type WatchableLifecycle = Lifecycle & { readonly isWatched: boolean };

type Listening = Parameters<EventEmitter["on"]>;

/**
 * Keeps `isWatched` up to date, because calling `listenerCount()` for each handler would take longer than calling the
 * handler. `once` and `prependOnceListener` add and remove their listeners by the methods below, too.
 */
class LifecycleEmitter extends EventEmitter {
  isWatched = false;

  override on(...listening: Listening): this {
    return super.on(...listening).#look();
  }

  override addListener(...listening: Listening): this {
    return super.addListener(...listening).#look();
  }

  override prependListener(...listening: Listening): this {
    return super.prependListener(...listening).#look();
  }

  override off(...listening: Listening): this {
    return super.off(...listening).#look();
  }

  override removeListener(...listening: Listening): this {
    return super.removeListener(...listening).#look();
  }

  override removeAllListeners(...names: Parameters<EventEmitter["removeAllListeners"]>): this {
    return super.removeAllListeners(...names).#look();
  }

  #look(): this {
    this.isWatched = publishing.some((name) => this.listenerCount(name) > 0);
    return this;
  }
}

const publishing: readonly LifecycleName[] = ["event:published", "handler:succeeded", "handler:failed"];

export function createLifecycle(): WatchableLifecycle {
  return new LifecycleEmitter() as EventEmitter as WatchableLifecycle;
}

/** The emitter that is told what happens, and the logger for a listener that fails. */
export interface Watched {
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
}

/** Calls the listeners. A listener that throws disturbs neither the bus nor the other listeners. */
export function tell<Name extends LifecycleName>(
  { lifecycle, logger }: Watched,
  name: Name,
  details: Parameters<LifecycleEvents[Name]>[0],
): void {
  for (const listener of lifecycle.rawListeners(name)) {
    try {
      const outcome: unknown = Reflect.apply(listener, lifecycle, [details]);
      if (isPromise(outcome)) outcome.catch((error: unknown) => reportListener(logger, name, error));
    } catch (error) {
      reportListener(logger, name, error);
    }
  }
}

function reportListener(logger: Logger, name: LifecycleName, error: unknown): void {
  logger.error({ err: error, lifecycleEvent: name }, "A lifecycle listener failed");
}
