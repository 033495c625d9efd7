import type { PlacedEvent } from "./tracked-sources.ts";
import { uuidV7 } from "@acme/shared/uuid-v7";

interface Mark {
  readonly name: string;
  /** How much had been recorded. */
  readonly length: number;
  readonly outer: Mark | undefined;
}

/**
 * What was recorded in a scope, in recording order. Marks are the savepoints that the work has set by itself: rolling back to one
 * takes away what was recorded since.
 */
export class EventLog {
  #events: object[] = [];
  /** Recorded since the last merge; what sources have recorded meanwhile has its place among them. */
  #recent: PlacedEvent[] = [];
  #mergedAt = "";
  /** The innermost. */
  #mark: Mark | undefined;

  /** @param hasSources - Whether there is anything that its place has to be compared with. */
  record(event: object, hasSources: boolean): void {
    this.#recent.push({ event, place: hasSources ? uuidV7() : this.#mergedAt });
  }

  /** Brings what sources have recorded since the last time in order with what was recorded here. */
  merge(pull: (since: string) => readonly PlacedEvent[]): void {
    const pulled = pull(this.#mergedAt);
    if (pulled.length > 0) {
      for (const placed of pulled) this.#recent.push(placed);
      // Stable: each source's own order stays.
      this.#recent.sort((one, other) => (one.place < other.place ? -1 : one.place > other.place ? 1 : 0));
    }
    for (const { event, place } of this.#recent) {
      this.#events.push(event);
      this.#mergedAt = place;
    }
    this.#recent = [];
  }

  /** Takes over what a scope inside has collected. */
  append(events: readonly object[]): void {
    for (const event of events) this.#events.push(event);
  }

  /** Hands over all that was merged since the last time. */
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

  /** Set merged. */
  mark(name: string): void {
    this.#mark = { name, length: this.#events.length, outer: this.#mark };
  }

  hasMark(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** Rolls back to the last mark of that name, which stays. Do it merged. */
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

  /** @returns what puts the marks back as they are, where the server does not take what is sent now. */
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
