import { defaultBus } from "../bus/default-bus.ts";
import type { Lifecycle } from "../bus/lifecycle.ts";
import type { ClassOf } from "../event/event.ts";

/** What {@link recordEvents} returns. */
export interface EventRecorder extends Disposable {
  /** The events published since the recorder was started or cleared, in order. */
  readonly events: readonly object[];
  /**
   * The recorded events of one class and its subclasses, typed, in order.
   *
   * @throws Nothing.
   */
  of<Event extends object>(eventClass: ClassOf<Event>): Event[];
  /**
   * Forgets the events recorded so far.
   *
   * @throws Nothing.
   */
  clear(): void;
  /**
   * Records no further events, and keeps those that it has. `using` does this at the end of a block.
   *
   * @throws Nothing.
   */
  stop(): void;
}

/**
 * Records the events that a bus publishes, whether or not they have handlers. The recorder is not a handler itself.
 * Events of a unit of work are published when the unit has committed.
 *
 * @param bus default: the default bus.
 * @throws Nothing.
 *
 * @example
 * using recorder = recordEvents(bus);
 * await registerUser(unitOfWork, "ada@example.org");
 * expect(recorder.of(UserRegistered)).toHaveLength(1);
 */
export function recordEvents(bus: { readonly lifecycle: Lifecycle } = defaultBus): EventRecorder {
  const events: object[] = [];
  const onPublished = ({ event }: { event: object }): void => {
    events.push(event);
  };
  const stop = (): void => {
    bus.lifecycle.off("event:published", onPublished);
  };
  bus.lifecycle.on("event:published", onPublished);
  return {
    events,
    of<Event extends object>(eventClass: ClassOf<Event>) {
      return events.filter((event): event is Event => event instanceof eventClass);
    },
    clear() {
      events.length = 0;
    },
    stop,
    [Symbol.dispose]: stop,
  };
}
