import { at, stands, type HangMemory } from "./hang-memory.ts";
import { appendTo, createHolding, dropFrom, firstAt, type HeldJob, type Holding } from "./holding.ts";

/** A question for jobs, until its answer is dealt with. */
export interface Fetching {
  /** Whether jobs of this pool were taken back since it was asked: what it has locked may be among them. */
  isVoid(): boolean;
  ended(): void;
}

/** What a pool has been given, where another thread can take back what has not begun. */
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

  /** Graphile Worker has come to run it. */
  arrive(jobId: string): Holding | undefined {
    const holding = firstAt("waiting", this.#held.get(jobId));
    if (holding !== undefined) holding.stage = "running";
    return holding;
  }

  /** What to wait for before it begins: the code that runs under this number, and what is written of it. */
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

  /** @param askedAt - When the pool has asked for them. */
  hold(jobs: readonly HeldJob[], askedAt = performance.now()): Holding[] {
    return jobs.map((job) => this.#holdOne(job, askedAt));
  }

  /** Whether its code may run: it was not taken back, and not given once more. */
  begin(holding: Holding): boolean {
    const { place, isDisowned } = holding;
    if (isDisowned) return false;
    const { words } = this.#memory;
    const before = place < 0 ? stands.held : Atomics.compareExchange(words, place, stands.held, stands.begun);
    return (holding.hasBegun = before !== stands.takenBack);
  }

  /**
   * Those whose end is about to be written: of jobs that Graphile Worker gives back without running them, or of those that it has run. One for each id that
   * is held, in the order of the ids.
   */
  end(jobIds: readonly string[], how: "returned" | "run"): Holding[] {
    return jobIds.flatMap((jobId) => {
      const first = this.#held.get(jobId);
      // A pool that is told to end at once also writes of those that still run.
      const holding =
        how === "returned" ? firstAt("waiting", first) : (firstAt("over", first) ?? firstAt("running", first));
      if (holding === undefined) return [];
      holding.isEnding = true;
      return holding;
    });
  }

  /** Their end could not be written. */
  keep(holdings: readonly Holding[]): void {
    for (const holding of holdings) holding.isEnding = false;
  }

  /** Jobs that wait for their turn and were taken back wait no longer. */
  passTakenBack(): void {
    for (const { place, onTurn } of this.#waiting) if (this.#isTakenBack(place)) onTurn?.();
  }

  takenBackAmong(holdings: readonly Holding[]): Holding[] {
    // Before a round nothing is taken back.
    if (this.#round() === this.#passedRound) return [];
    return holdings.filter(({ place }) => this.#isTakenBack(place));
  }

  letGo(holdings: readonly Holding[]): void {
    for (const holding of holdings) this.#letGoOne(holding);
  }

  /** `undefined` while jobs that were taken back have not all passed through: given again, they could not be told apart. */
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

  /** Whether that is over. Says so once. */
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
    // For the other thread the hang is over, whether or not a timer has told it: it forgets what it meant to give back.
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
      // Seen by whoever sees the word.
      ids[place] = Number(job.id);
      Atomics.store(words, place, stands.held);
    }
    const before = this.#held.get(job.id);
    // Given again before it has passed through: the fetch was void, and lets go of it at once.
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
