import { EventEmitter } from "node:events";
import type { Delivery } from "./handler.ts";
import type { Logger } from "./logger.ts";

/** What can be watched on a bus. */
export type LifecycleEvents = {
  "handler:registered": (happened: { eventType: string; handler: string; delivery: Delivery }) => void;
  /** An event is about to be handled: published directly, or its unit of work has committed. */
  "event:published": (happened: { event: object }) => void;
  "handler:succeeded": (happened: { event: object; handler: string; durationMs: number }) => void;
  "handler:failed": (happened: { event: object; handler: string; durationMs: number; error: unknown }) => void;
};

/** An emitter of what happens on a bus, for those who watch: see {@link LifecycleEvents}. */
// A default import of this package's type would turn into `any` in the emitted .d.cts.
export type Lifecycle = import("typed-emitter").default<LifecycleEvents>;

export type LifecycleName = keyof LifecycleEvents;

export function createLifecycle(): Lifecycle {
  return new EventEmitter() as Lifecycle;
}

/** Tells the listeners. One that throws disturbs neither the bus nor the other listeners. */
export function tell<Name extends LifecycleName>(
  lifecycle: Lifecycle,
  logger: Logger,
  name: Name,
  happened: Parameters<LifecycleEvents[Name]>[0],
): void {
  for (const listener of lifecycle.rawListeners(name)) {
    try {
      const outcome: unknown = Reflect.apply(listener, lifecycle, [happened]);
      if (outcome instanceof Promise) outcome.catch((error: unknown) => reportListener(logger, name, error));
    } catch (error) {
      reportListener(logger, name, error);
    }
  }
}

function reportListener(logger: Logger, name: LifecycleName, error: unknown): void {
  logger.error({ err: error, lifecycleEvent: name }, "A lifecycle listener failed");
}
