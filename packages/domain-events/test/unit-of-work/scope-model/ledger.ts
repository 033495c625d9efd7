import { AggregateRoot, type EventRecorder } from "../../../src/index.ts";
import { type Happened, happened } from "../../../src/conformance/events.ts";

/** Whose transaction a step is part of. */
export interface Place {
  /** `outside`: a run that came too late to join. */
  readonly name: "here" | "elsewhere" | "outside";
  readonly tx?: unknown;
  /** Its work has not returned yet. */
  isWorking: boolean;
}

export class Root extends AggregateRoot {
  count(event: Happened): void {
    this.record(event);
  }
}

/** Somebody's own aggregate, of which only `pullEvents()` is known. */
export class Source implements EventRecorder {
  readonly #events: Happened[] = [];

  count(event: Happened): void {
    this.#events.push(event);
  }

  pullEvents(): Happened[] {
    return this.#events.splice(0);
  }
}

/** What a program has recorded and what was published of it, by the numbers of the events. */
export class Ledger {
  /** Numbers of programs that share tables do not meet. */
  readonly #base: number;
  readonly #places = new Map<number, Place>();
  readonly published: number[] = [];
  readonly mistakes: string[] = [];

  constructor(base: number) {
    this.#base = base;
  }

  rowOf(n: number): number {
    return this.#base + n;
  }

  numberOf(row: number): number {
    return row - this.#base;
  }

  /** Made right where it is recorded: that is its place in the order. */
  eventFor(n: number, place: Place): Happened {
    this.#places.set(n, place);
    return happened(this.rowOf(n));
  }

  onPublished({ n: row }: Happened): void {
    const n = this.numberOf(row);
    if (n < 0) return;
    this.published.push(n);
    if (this.#places.get(n)?.isWorking) this.mistakes.push(`event ${n} was published before its unit had committed`);
  }

  /** Published at once: there was no unit any more. */
  isOutside(n: number): boolean {
    if (!this.published.includes(n)) return false;
    this.#places.delete(n);
    return true;
  }

  /** Of each transaction, in the order of recording. */
  recorded(): Map<Place, number[]> {
    const recorded = new Map<Place, number[]>();
    for (const [n, place] of this.#places) recorded.set(place, [...(recorded.get(place) ?? []), n]);
    return recorded;
  }
}
