import { at, stands, type HangMemory } from "./hang-memory.ts";
import { appendTo, createHolding, dropFrom, firstAt, type HeldJob, type Holding } from "./holding.ts";

/** A fetch, from its statement until its answer is handled. */
export interface Fetching {
  /** Whether jobs of this pool were taken back since the fetch began. The jobs it has locked may be among them. */
  isVoid(): boolean;
  ended(): void;
}

/** The jobs that a pool holds. The watching thread can take back those that have not begun. */
export class HeldJobs {
  readonly #memory: HangMemory;
  readonly #held = new Map<string, Holding>();
  readonly #freePlaces: number[];
  readonly #atPlace: (Holding | undefined)[];
  readonly #uncovered = new Set<Holding>();
  readonly #waiting = new Set<Holding>();
  readonly #fetches = new Set<{ readonly round: number }>();
  #passedRound = 0;

  constructor(memory: HangMemory) {
    this.#memory = memory;
    this.#freePlaces = Array.from(memory.words, (_, place) => place).toReversed();
    this.#atPlace = Array.from(memory.words, () => undefined);
  }

  get size(): number {
    return this.#held.size;
  }

  has(jobId: string): boolean {
    return this.#held.has(jobId);
  }

  /** Call it when Graphile Worker runs the job. */
  arrive(jobId: string): Holding | undefined {
    const holding = firstAt("waiting", this.#held.get(jobId));
    if (holding !== undefined) holding.stage = "running";
    return holding;
  }

  /** What to wait for before the job begins, if another run of the same id has not ended or its end is not written yet. */
  turn(holding: Holding): Promise<void> | undefined {
    if (this.#held.get(holding.job.id) === holding || this.#isTakenBack(holding.place)) return undefined;
    this.#waiting.add(holding);
    return new Promise((resolve) => {
      holding.onTurn = () => {
        this.#waiting.delete(holding);
        resolve();
      };
    });
  }

  /** @param askedAt - When the fetch began. */
  hold(jobs: readonly HeldJob[], askedAt = performance.now()): Holding[] {
    return jobs.map((job) => this.#holdOne(job, askedAt));
  }

  /** Whether the code may run: the job was neither taken back nor fetched once more. */
  begin(holding: Holding): boolean {
    const { place, isDisowned } = holding;
    if (isDisowned) return false;
    const { words } = this.#memory;
    const before = place < 0 ? stands.held : Atomics.compareExchange(words, place, stands.held, stands.begun);
    return (holding.hasBegun = before !== stands.takenBack);
  }

  /**
   * The holdings whose end is about to be written, one for each id that is held, in the order of the ids. Graphile Worker has
   * either run these jobs, or returns them without a run.
   */
  end(jobIds: readonly string[], how: "returned" | "run"): Holding[] {
    return jobIds.flatMap((jobId) => {
      const first = this.#held.get(jobId);
      // A pool that must end at once also writes the end of jobs that still run.
      const holding =
        how === "returned" ? firstAt("waiting", first) : (firstAt("over", first) ?? firstAt("running", first));
      if (holding === undefined) return [];
      holding.isEnding = true;
      return holding;
    });
  }

  /** Call it if their end could not be written. */
  keep(holdings: readonly Holding[]): void {
    for (const holding of holdings) holding.isEnding = false;
  }

  /** Lets jobs that wait for their turn go on if they were taken back. */
  passTakenBack(): void {
    for (const { place, onTurn } of this.#waiting) if (this.#isTakenBack(place)) onTurn?.();
  }

  takenBackAmong(holdings: readonly Holding[]): Holding[] {
    // Without a new round, nothing was taken back.
    if (this.#round() === this.#passedRound) return [];
    return holdings.filter(({ place }) => this.#isTakenBack(place));
  }

  letGo(holdings: readonly Holding[]): void {
    for (const holding of holdings) this.#letGoOne(holding);
  }

  /**
   * `undefined` until Graphile Worker is done with all jobs that were taken back. If they were fetched again before, both
   * holdings of a job would look the same.
   */
  beginFetch(): Fetching | undefined {
    if (!this.#isOver()) return undefined;
    const { head } = this.#memory;
    const fetch = { round: this.#passedRound };
    this.#fetches.add(fetch);
    Atomics.add(head, at.fetches, 1);
    return {
      isVoid: () => this.#round() !== fetch.round,
      ended: () => {
        this.#fetches.delete(fetch);
        Atomics.sub(head, at.fetches, 1);
      },
    };
  }

  /** Whether the pool may fetch again after a round. Answers `true` once for each round. */
  reopens(): boolean {
    return this.#round() !== this.#passedRound && this.#isOver();
  }

  #round(): number {
    return Atomics.load(this.#memory.head, at.round);
  }

  #isTakenBack(place: number): boolean {
    return place >= 0 && Atomics.load(this.#memory.words, place) === stands.takenBack;
  }

  #isOver(): boolean {
    const { head, words } = this.#memory;
    const round = this.#round();
    if (round === this.#passedRound) return true;
    if (round % 2 !== 0) return false;
    for (const fetch of this.#fetches) if (fetch.round !== round) return false;
    if (words.some((_, place) => this.#isTakenBack(place))) return false;
    this.#passedRound = round;
    // Ends the hang for the watching thread, even if no timer has run yet: it forgets the jobs it meant to give back.
    Atomics.add(head, at.beats, 1);
    return true;
  }

  #holdOne(job: HeldJob, askedAt: number): Holding {
    const { head, words, ids } = this.#memory;
    const place = this.#freePlaces.pop() ?? -1;
    const holding = createHolding(job, { place, askedAt });
    if (place < 0) {
      this.#uncovered.add(holding);
      Atomics.add(head, at.uncovered, 1);
    } else {
      this.#atPlace[place] = holding;
      // The id first: a thread that sees the word must see the id.
      ids[place] = Number(job.id);
      Atomics.store(words, place, stands.held);
    }
    const before = this.#held.get(job.id);
    // Fetched again while the old holding was taken back: this fetch is void, and lets go of the new holding at once.
    if (before !== undefined && this.#isTakenBack(before.place)) return holding;
    if (before === undefined) this.#held.set(job.id, holding);
    else appendTo(before, holding);
    return holding;
  }

  #letGoOne(holding: Holding): void {
    const { job, place } = holding;
    const { head, words } = this.#memory;
    this.#forget(job.id, holding);
    if (place < 0) {
      if (this.#uncovered.delete(holding)) Atomics.sub(head, at.uncovered, 1);
    } else if (this.#atPlace[place] === holding) {
      this.#atPlace[place] = undefined;
      Atomics.store(words, place, stands.free);
      this.#freePlaces.push(place);
    }
  }

  #forget(jobId: string, holding: Holding): void {
    const first = this.#held.get(jobId);
    if (first !== holding) return dropFrom(first, holding);
    if (holding.again === undefined) {
      this.#held.delete(jobId);
      return;
    }
    holding.again.onTurn?.();
    this.#held.set(jobId, holding.again);
  }
}
