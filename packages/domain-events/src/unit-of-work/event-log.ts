import type { PlacedEvent } from "./tracked-sources.ts";
import { uuidV7 } from "@acme/shared/uuid-v7";

interface Mark {
  readonly name: string;
  /** How many events had been recorded. */
  readonly length: number;
  readonly outer: Mark | undefined;
}

/**
 * The events recorded in a scope, in recording order. Marks are the savepoints that the work has set by itself. Rolling
 * back to a mark removes the events recorded since.
 */
export class EventLog {
  #events: object[] = [];
  /** Events recorded since the last merge, which will be merged with those that sources have recorded meanwhile. */
  #recent: PlacedEvent[] = [];
  #mergedAt = "";
  /** The innermost mark. */
  #mark: Mark | undefined;

  /** @param hasSources - Whether there are sources, whose events have to be merged with this one in order. */
  record(event: object, hasSources: boolean): void {
    this.#recent.push({ event, place: hasSources ? uuidV7() : this.#mergedAt });
  }

  /** Merges the events that sources have recorded since the last time with those recorded here, in order. */
  merge(pull: (since: string) => readonly PlacedEvent[]): void {
    const pulled = pull(this.#mergedAt);
    if (pulled.length > 0) {
      for (const placed of pulled) this.#recent.push(placed);
      // The sort is stable, so each source's own order stays.
      this.#recent.sort((one, other) => (one.place < other.place ? -1 : one.place > other.place ? 1 : 0));
    }
    for (const { event, place } of this.#recent) {
      this.#events.push(event);
      this.#mergedAt = place;
    }
    this.#recent = [];
  }

  /** Takes over the events that an inner scope has collected. */
  append(events: readonly object[]): void {
    for (const event of events) this.#events.push(event);
  }

  /** Returns all events merged since the last time, and forgets them. */
  take(): readonly object[] {
    const taken = this.#events;
    this.#events = [];
    this.#mark = undefined;
    return taken;
  }

  clear(): void {
    this.#events = [];
    this.#recent = [];
    this.#mark = undefined;
  }

  /** Call it right after {@link merge}. */
  mark(name: string): void {
    this.#mark = { name, length: this.#events.length, outer: this.#mark };
  }

  hasMark(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** Rolls back to the last mark of that name, which stays. Call it right after {@link merge}. */
  rollBackTo(name: string): void {
    const mark = this.#find(name);
    if (!mark) return;
    this.#mark = mark;
    this.#events.length = Math.min(this.#events.length, mark.length);
  }

  release(name: string): void {
    const mark = this.#find(name);
    if (mark) this.#mark = mark.outer;
  }

  /** @returns a function that restores the marks as they are now, in case the server refuses the next statement. */
  remember(): () => void {
    const mark = this.#mark;
    return () => {
      this.#mark = mark;
    };
  }

  #find(name: string): Mark | undefined {
    let mark = this.#mark;
    while (mark && mark.name !== name) mark = mark.outer;
    return mark;
  }
}
