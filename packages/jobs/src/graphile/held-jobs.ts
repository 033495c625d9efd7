import { at, stands, type HangMemory } from "./hang-memory.ts";
import { appendTo, createHolding, firstAt, type HeldJob, type Holding } from "./holding.ts";

/** A question for jobs, until its answer is dealt with. */
export interface Fetching {
  /** Whether jobs of this pool were taken back since it was asked: what it has locked may be among them. */
  isVoid(): boolean;
  ended(): void;
}

/** What a pool has been given, where another thread can take back what has not begun. */
export interface HeldJobs {
  readonly size: number;
  has(jobId: string): boolean;
  /** Graphile Worker has come to run it. */
  arrive(jobId: string): Holding | undefined;
  /** What to wait for before it begins: the code that runs under this number, and what is written of it. */
  turn(holding: Holding): Promise<void> | undefined;
  hold(jobs: readonly HeldJob[]): Holding[];
  /** Whether its code may run: it was not taken back, and not given once more. */
  begin(holding: Holding): boolean;
  /**
   * Those whose end is about to be written: of jobs that Graphile Worker gives back without running them, or of those that it has run. One for each id that
   * is held, in the order of the ids.
   */
  end(jobIds: readonly string[], how: "returned" | "run"): Holding[];
  /** Their end could not be written. */
  keep(holdings: readonly Holding[]): void;
  /** Jobs that wait for their turn and were taken back wait no longer. */
  passTakenBack(): void;
  takenBackAmong(holdings: readonly Holding[]): Holding[];
  letGo(holdings: readonly Holding[]): void;
  /** `undefined` while jobs that were taken back have not all passed through: given again, they could not be told apart. */
  beginFetch(): Fetching | undefined;
  /** Whether that is over. Says so once. */
  reopens(): boolean;
}

export function createHeldJobs(memory: HangMemory): HeldJobs {
  const { head, words, ids } = memory;
  const held = new Map<string, Holding>();
  const freePlaces = Array.from(words, (_, place) => place).toReversed();
  const atPlace: (Holding | undefined)[] = Array.from(words, () => undefined);
  const uncovered = new Set<Holding>();
  const waiting = new Set<Holding>();
  const fetches = new Set<{ readonly round: number }>();
  let passedRound = 0;

  const isOver = () => {
    const round = Atomics.load(head, at.round);
    if (round === passedRound) return true;
    if (round % 2 !== 0) return false;
    for (const fetch of fetches) if (fetch.round !== round) return false;
    if (words.some((_, place) => isTakenBack(place))) return false;
    passedRound = round;
    // For the other thread the hang is over, whether or not a timer has told it: it forgets what it meant to give back.
    Atomics.add(head, at.beats, 1);
    return true;
  };
  const isTakenBack = (place: number) => place >= 0 && Atomics.load(words, place) === stands.takenBack;

  const forget = (jobId: string, holding: Holding) => {
    const first = held.get(jobId);
    if (first === holding && holding.again === undefined) return held.delete(jobId);
    if (first === holding && holding.again !== undefined) {
      holding.again.onTurn?.();
      return held.set(jobId, holding.again);
    }
    for (let each = first; each !== undefined; each = each.again)
      if (each.again === holding) each.again = holding.again;
    return undefined;
  };

  const letGoOne = (holding: Holding) => {
    const { job, place } = holding;
    forget(job.id, holding);
    if (place < 0) {
      if (uncovered.delete(holding)) Atomics.sub(head, at.uncovered, 1);
    } else if (atPlace[place] === holding) {
      atPlace[place] = undefined;
      Atomics.store(words, place, stands.free);
      freePlaces.push(place);
    }
  };

  const holdOne = (job: HeldJob): Holding => {
    const place = freePlaces.pop() ?? -1;
    const holding = createHolding(job, place);
    if (place < 0) {
      uncovered.add(holding);
      Atomics.add(head, at.uncovered, 1);
    } else {
      atPlace[place] = holding;
      // Seen by whoever sees the word.
      ids[place] = Number(job.id);
      Atomics.store(words, place, stands.held);
    }
    const before = held.get(job.id);
    // Given again before it has passed through: the fetch was void, and lets go of it at once.
    if (before !== undefined && isTakenBack(before.place)) return holding;
    if (before === undefined) held.set(job.id, holding);
    else appendTo(before, holding);
    return holding;
  };

  return {
    get size() {
      return held.size;
    },
    has: (jobId) => held.has(jobId),
    arrive(jobId) {
      const holding = firstAt("waiting", held.get(jobId));
      if (holding !== undefined) holding.stage = "running";
      return holding;
    },
    turn(holding) {
      if (held.get(holding.job.id) === holding || isTakenBack(holding.place)) return undefined;
      waiting.add(holding);
      return new Promise((resolve) => {
        holding.onTurn = () => {
          waiting.delete(holding);
          resolve();
        };
      });
    },
    hold: (jobs) => jobs.map(holdOne),
    begin(holding) {
      const { place, isDisowned } = holding;
      if (isDisowned) return false;
      const before = place < 0 ? stands.held : Atomics.compareExchange(words, place, stands.held, stands.begun);
      return (holding.hasBegun = before !== stands.takenBack);
    },
    end: (jobIds, how) =>
      jobIds.flatMap((jobId) => {
        const first = held.get(jobId);
        // A pool that is told to end at once also writes of those that still run.
        const holding =
          how === "returned" ? firstAt("waiting", first) : (firstAt("over", first) ?? firstAt("running", first));
        if (holding === undefined) return [];
        holding.isEnding = true;
        return holding;
      }),
    keep(holdings) {
      for (const holding of holdings) holding.isEnding = false;
    },
    passTakenBack() {
      for (const { place, onTurn } of waiting) if (isTakenBack(place)) onTurn?.();
    },
    takenBackAmong(holdings) {
      // Before a round nothing is taken back.
      if (Atomics.load(head, at.round) === passedRound) return [];
      return holdings.filter(({ place }) => isTakenBack(place));
    },
    letGo: (holdings) => holdings.forEach(letGoOne),
    beginFetch() {
      if (!isOver()) return undefined;
      const fetch = { round: passedRound };
      fetches.add(fetch);
      Atomics.add(head, at.fetches, 1);
      return {
        isVoid: () => Atomics.load(head, at.round) !== fetch.round,
        ended() {
          fetches.delete(fetch);
          Atomics.sub(head, at.fetches, 1);
        },
      };
    },
    reopens: () => Atomics.load(head, at.round) !== passedRound && isOver(),
  };
}
