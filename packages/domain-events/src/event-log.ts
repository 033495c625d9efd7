import type { PlacedEvent } from "./tracked-sources.ts";
import { uuidV7 } from "./uuid-v7.ts";

/**
 * What was recorded in a scope, in recording order. Marks are the savepoints that the work has set by itself: rolling back to one
 * takes away what was recorded since.
 */
export class EventLog {
  #events: object[] = [];
  /** Recorded since the last merge; what sources have recorded meanwhile has its place among them. */
  #recent: PlacedEvent[] = [];
  #mergedAt = "";
  #marks: { readonly name: string; readonly length: number }[] = [];

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
    this.#marks = [];
    return taken;
  }

  clear(): void {
    this.#events = [];
    this.#recent = [];
    this.#marks = [];
  }

  /** Set merged. */
  mark(name: string): void {
    this.#marks.push({ name, length: this.#events.length });
  }

  hasMark(name: string): boolean {
    return this.#marks.some((mark) => mark.name === name);
  }

  /** Rolls back to the last mark of that name, which stays. Do it merged. */
  rollBackTo(name: string): void {
    const index = this.#marks.findLastIndex((mark) => mark.name === name);
    const mark = this.#marks[index];
    if (!mark) return;
    this.#marks = this.#marks.slice(0, index + 1);
    this.#events.length = Math.min(this.#events.length, mark.length);
  }

  /** @returns what puts the mark back, and those inside it, where the server did not take the statement. */
  release(name: string): () => void {
    const before = this.#marks;
    const index = before.findLastIndex((mark) => mark.name === name);
    if (index !== -1) this.#marks = before.slice(0, index);
    return () => {
      this.#marks = before;
    };
  }
}
