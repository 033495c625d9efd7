import { findScope } from "../current-unit.ts";
import { unitEnded } from "../unit-errors.ts";
import { processSymbol } from "../process-global.ts";

/** What a unit of work can track: any object that hands over the events it has recorded. */
export interface EventRecorder {
  /**
   * Returns the events recorded since the last call, oldest first, and forgets them.
   *
   * @throws what it likes while the work runs: the unit then rolls back with that error.
   */
  pullEvents(): Iterable<object>;
}

/** An event source that tells when it records, so that the unit need not ask it again and again. */
export interface TellingSource extends EventRecorder {
  /** Whether it has told of every event that it hands over. */
  readonly [tellsOfAll]: boolean;
  /** Sets the only listener; `undefined` removes it. */
  [onRecord](listener: (() => void) | undefined): void;
}

// A registered symbol, so that a unit of work from the other build (ESM or CJS) knows it, too.
export const onRecord: unique symbol = processSymbol("on-record") as typeof onRecord;

export const tellsOfAll: unique symbol = processSymbol("tells-of-all") as typeof tellsOfAll;

export function isTelling(source: EventRecorder): source is TellingSource {
  return onRecord in source;
}

/**
 * Code that goes on after its unit was rolled back may record events about data that is gone. A later unit would
 * publish them.
 */
function refuseInUndone(): void {
  if (findScope()?.unit.state === "undone") throw unitEnded("An aggregate was changed", "undone");
}

/**
 * An optional base class for aggregates that record events.
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
   * @throws {@link DomainEventsError} `UNIT_ENDED` or `SAVEPOINT_ENDED` if the code has outlived the unit or the
   * savepoint in which it was started. Its rows are refused there, and the event would be published without them.
   */
  protected record(event: Event): void {
    refuseInUndone();
    this.#tell?.();
    this.#recorded.push(event);
  }

  /**
   * Returns the events recorded since the last call, oldest first, and forgets them. A unit that tracks the aggregate does
   * this.
   *
   * @throws Nothing.
   */
  pullEvents(): Event[] {
    const recorded = this.#recorded;
    this.#recorded = [];
    return recorded;
  }

  /** False for a derived class with its own `pullEvents`, which may hand over events it has not told of. @internal */
  get [tellsOfAll](): boolean {
    // oxlint-disable-next-line unbound-method -- compared, not called.
    return this.pullEvents === AggregateRoot.prototype.pullEvents;
  }

  /** For the unit of work that tracks the aggregate. @internal */
  [onRecord](listener: (() => void) | undefined): void {
    this.#tell = listener;
  }
}
