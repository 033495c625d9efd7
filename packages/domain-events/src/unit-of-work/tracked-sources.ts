import { isPromise } from "node:util/types";
import { type EventRecorder, isTelling, onRecord, tellsOfAll } from "../event/aggregate-root.ts";
import { DomainEventsError } from "../errors.ts";
import { DomainEvent, eventIdOf } from "../event/event.ts";
import { processGlobal } from "../process-global.ts";

/** An event and its place among others: events that are made get ever greater ids, see `uuidV7`. */
export interface PlacedEvent {
  readonly event: object;
  readonly place: string;
}

// One source in two units at once would give its events to whichever asks first.
const owners = processGlobal("tracking-units", () => new WeakMap<EventRecorder, TrackedSources>());

/** The event sources that one unit tracks. */
export class TrackedSources {
  /** Everything ever tracked, so that a unit that was rolled back leaves nothing behind in any aggregate. */
  readonly #all = new Set<EventRecorder>();
  /** Those that must be asked: they may have recorded, or cannot tell. */
  readonly #toAsk = new Set<EventRecorder>();
  readonly #recorded: () => void;

  /** @param recorded Called when a source that tells of it records, in the context of whoever changes it. It may refuse. */
  constructor(recorded: () => void) {
    this.#recorded = recorded;
  }

  /** Then there is nothing to bring into an order. */
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
   * Takes the events out of all sources, each one's own in their order.
   *
   * @param since Where events go that have no id, and so no place of their own.
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

  /** Stops asking these, and takes away what they have recorded. */
  forget(sources: Iterable<EventRecorder>, report: (error: unknown) => void): void {
    for (const source of sources) {
      this.#toAsk.delete(source);
      if (isTelling(source)) source[onRecord](undefined);
      if (owners.get(source) === this) owners.delete(source);
      try {
        // A generator takes nothing away before it is read.
        Array.from(eventsOf(source));
      } catch (error) {
        report(error);
      }
    }
  }

  /** The unit has ended: its sources are free, with or without what they have recorded since. */
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
  // Its rejection is not ours to report: it is refused either way.
  if (isPromise(events)) events.catch(() => {});
  if (typeof events === "object" && events !== null && Symbol.iterator in events) return events as Iterable<object>;
  throw new DomainEventsError(
    "AGGREGATE_INVALID",
    `pullEvents() of ${nameOf(source)} returned nothing that can be iterated. It returns the events themselves, synchronously: ` +
      "an asynchronous one returns a promise.",
  );
}

function trackedElsewhere(source: EventRecorder): DomainEventsError {
  return new DomainEventsError(
    "AGGREGATE_TRACKED",
    `${nameOf(source)} is tracked by another unit of work that has not ended, so its events would go to whichever commits first. ` +
      "Load an aggregate inside the unit that changes it.",
  );
}

function nameOf(source: EventRecorder): string {
  return source.constructor?.name || "An aggregate";
}
