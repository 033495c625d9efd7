import { isPromise } from "node:util/types";
import { type EventRecorder, isTelling, onRecord, tellsOfAll } from "../event/aggregate-root.ts";
import { DomainEventsError } from "../errors.ts";
import { DomainEvent, eventIdOf } from "../event/event.ts";
import { processGlobal } from "../process-global.ts";

/** An event and its place among others. Places are event ids, which grow with each event that is made: see `uuidV7`. */
export interface PlacedEvent {
  readonly event: object;
  readonly place: string;
}

// A source that two units track at once would give its events to the unit that asks first.
const owners = processGlobal("tracking-units", () => new WeakMap<EventRecorder, TrackedSources>());

/** The event sources that one unit tracks. */
export class TrackedSources {
  /** All sources ever tracked, so that a unit that was rolled back leaves no events behind in any aggregate. */
  readonly #all = new Set<EventRecorder>();
  /** The sources that must be asked, because they have recorded something, or do not tell when they record. */
  readonly #toAsk = new Set<EventRecorder>();
  readonly #recorded: () => void;

  /**
   * @param recorded Called when a telling source records an event, in the context of the code that does so. It may
   * throw.
   */
  constructor(recorded: () => void) {
    this.#recorded = recorded;
  }

  /** If there are no sources, events need not be put in order. */
  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  /** @throws {@link DomainEventsError} `AGGREGATE_TRACKED`. */
  add(source: EventRecorder): void {
    const owner = owners.get(source);
    if (owner !== undefined && owner !== this) throw trackedElsewhere(source);
    owners.set(source, this);
    this.#all.add(source);
    this.#toAsk.add(source);
    if (!isTelling(source)) return;
    source[onRecord](() => {
      this.#recorded();
      this.#toAsk.add(source);
    });
  }

  /**
   * Takes the events out of all sources, and keeps the order within each source.
   *
   * @param since The place of events that have no id, and so no place of their own.
   */
  pull(since: string): PlacedEvent[] {
    const pulled: PlacedEvent[] = [];
    for (const source of this.#toAsk) {
      if (isTelling(source) && source[tellsOfAll]) this.#toAsk.delete(source);
      let place = since;
      for (const event of eventsOf(source)) {
        const id = event instanceof DomainEvent ? (eventIdOf(event) ?? "") : "";
        if (id > place) place = id;
        pulled.push({ event, place });
      }
    }
    return pulled;
  }

  /** Stops asking these sources, and drops the events that they have recorded. */
  forget(sources: Iterable<EventRecorder>, report: (error: unknown) => void): void {
    for (const source of sources) {
      this.#toAsk.delete(source);
      if (isTelling(source)) source[onRecord](undefined);
      if (owners.get(source) === this) owners.delete(source);
      try {
        // If pullEvents() is a generator, it removes nothing before it is read.
        Array.from(eventsOf(source));
      } catch (error) {
        report(error);
      }
    }
  }

  /** The unit has ended: other units may track its sources. Events recorded since are kept or dropped. */
  release({ keepEvents, report }: { readonly keepEvents: boolean; readonly report: (error: unknown) => void }): void {
    if (!keepEvents) this.forget(this.#all, report);
    for (const source of this.#all) {
      if (isTelling(source)) source[onRecord](undefined);
      if (owners.get(source) === this) owners.delete(source);
    }
    this.#all.clear();
    this.#toAsk.clear();
  }
}

function eventsOf(source: EventRecorder): Iterable<object> {
  const events: unknown = source.pullEvents();
  // The value is refused either way, so a rejection of the promise is not reported.
  if (isPromise(events)) events.catch(() => {});
  if (typeof events === "object" && events !== null && Symbol.iterator in events) return events as Iterable<object>;
  throw new DomainEventsError(
    "AGGREGATE_INVALID",
    `pullEvents() of ${nameOf(source)} returned a value that cannot be iterated. It has to return the events themselves, synchronously: ` +
      "an async function returns a promise.",
  );
}

function trackedElsewhere(source: EventRecorder): DomainEventsError {
  return new DomainEventsError(
    "AGGREGATE_TRACKED",
    `${nameOf(source)} is tracked by another unit of work that has not ended, so its events would go to the unit that commits first. ` +
      "Load an aggregate inside the unit that changes it.",
  );
}

function nameOf(source: EventRecorder): string {
  return source.constructor?.name || "An aggregate";
}
