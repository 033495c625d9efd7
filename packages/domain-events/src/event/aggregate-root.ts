import { findScope } from "../current-unit.ts";
import { unitEnded } from "../unit-errors.ts";
import { processSymbol } from "../process-global.ts";

/** What a unit of work can track: anything that hands over the events it has recorded. */
export interface EventRecorder {
  /** Returns the events recorded since the last call, oldest first, and forgets them. */
  pullEvents(): Iterable<object>;
}

/** An event source that tells when it records, so that nobody has to ask it again and again. */
export interface TellingSource extends EventRecorder {
  /** Whether it hands over nothing but what it has told of. */
  readonly [tellsOfAll]: boolean;
  /** One listener at a time; `undefined` takes it away. */
  [onRecord](listener: (() => void) | undefined): void;
}

// A registered symbol, so that a unit of work of the other build knows it, too.
export const onRecord: unique symbol = processSymbol("on-record") as typeof onRecord;

export const tellsOfAll: unique symbol = processSymbol("tells-of-all") as typeof tellsOfAll;

export function isTelling(source: EventRecorder): source is TellingSource {
  return onRecord in source;
}

/** What goes on after its unit was undone may be about data that is gone; a later unit would publish it. */
function refuseInUndone(): void {
  if (findScope()?.unit.state === "undone") throw unitEnded("An aggregate was changed", "undone");
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
export abstract class AggregateRoot<Event extends object = object> implements EventRecorder {
  #recorded: Event[] = [];
  #tell: (() => void) | undefined;

  /**
   * @throws {@link DomainEventsError} `UNIT_ENDED`, `SAVEPOINT_ENDED` from code that has outlived the unit or the savepoint it was started
   * in: its rows are refused, and the event would be published without them.
   */
  protected record(event: Event): void {
    refuseInUndone();
    this.#tell?.();
    this.#recorded.push(event);
  }

  pullEvents(): Event[] {
    const recorded = this.#recorded;
    this.#recorded = [];
    return recorded;
  }

  /** A derived class may hand over what others have recorded: parts of it, or a list of its own. @internal */
  get [tellsOfAll](): boolean {
    // oxlint-disable-next-line unbound-method -- compared, not called.
    return this.pullEvents === AggregateRoot.prototype.pullEvents;
  }

  /** For the unit of work that tracks the aggregate. @internal */
  [onRecord](listener: (() => void) | undefined): void {
    this.#tell = listener;
  }
}
