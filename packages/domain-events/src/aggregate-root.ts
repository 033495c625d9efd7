import { processSymbol } from "./process-global.ts";

/** What a unit of work can track: anything that hands over the events it has recorded. */
export interface EventSource {
  /** Returns the events recorded since the last call, oldest first, and forgets them. */
  pullEvents(): Iterable<object>;
}

/** An event source that tells when it records, so that nobody has to ask it again and again. */
export interface TellingSource extends EventSource {
  /** One listener at a time; `undefined` takes it away. */
  [onRecord](listener: (() => void) | undefined): void;
}

// A registered symbol, so that a unit of work of the other build knows it, too.
export const onRecord: unique symbol = processSymbol("on-record") as typeof onRecord;

export function isTelling(source: EventSource): source is TellingSource {
  return onRecord in source;
}

/**
 * An optional base for aggregates that record events.
 *
 * @example
 * class User extends AggregateRoot {
 *   readonly id = crypto.randomUUID();
 *   name = "";
 *   rename(name: string) {
 *     this.name = name;
 *     this.record(new UserRenamed({ userId: this.id }));
 *   }
 * }
 */
export abstract class AggregateRoot<Event extends object = object> implements EventSource {
  #recorded: Event[] = [];
  #tell: (() => void) | undefined;

  protected record(event: Event): void {
    this.#recorded.push(event);
    this.#tell?.();
  }

  pullEvents(): Event[] {
    const recorded = this.#recorded;
    this.#recorded = [];
    return recorded;
  }

  /** For the unit of work that tracks the aggregate. @internal */
  [onRecord](listener: (() => void) | undefined): void {
    this.#tell = listener;
  }
}
