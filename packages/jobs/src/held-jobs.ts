import { at, stands, type HangMemory } from "./hang-memory.ts";

/** A job that a pool of Graphile Worker has been given and not yet written back: the row of its table. */
export interface HeldJob {
  readonly id: string;
  /** How often it has been locked. */
  readonly attempts: number;
  /** `null` for one of no named queue. */
  readonly job_queue_id: number | null;
}

/** A job that was given, from then until what became of it is written. */
export interface Holding {
  readonly job: HeldJob;
  /** Of its word in the shared memory; -1 where there was none left. */
  readonly place: number;
  /** The same job, or one of its number, was given once more, since this lock was gone: the row is that one's. */
  again: Holding | undefined;
  /** Graphile Worker has come to run it. */
  isRun: boolean;
  onTurn: (() => void) | undefined;
}

/** A question for jobs, until its answer is dealt with. */
export interface Looking {
  /** Whether jobs of this pool were taken back since it was asked: what it has locked may be among them. */
  isVoid(): boolean;
  ended(): void;
}

/** What a pool has been given, where another thread can take back what has not begun. */
export interface HeldJobs {
  readonly size: number;
  /** The first of those that were given under this number. */
  get(jobId: string): Holding | undefined;
  /** What to wait for before it begins: the code that runs under this number, and what is written of it. */
  turn(jobId: string): Promise<void> | undefined;
  hold(jobs: readonly HeldJob[]): Holding[];
  /** Whether its code may run: it was not taken back. */
  begin(jobId: string): boolean;
  takenBackAmong(holdings: readonly Holding[]): Holding[];
  letGo(holdings: readonly Holding[]): void;
  /** `undefined` while jobs that were taken back have not all passed through: given again, they could not be told apart. */
  look(): Looking | undefined;
  /** Whether that is over. Says so once. */
  reopens(): boolean;
}

export function createHeldJobs(memory: HangMemory): HeldJobs {
  const { head, words, ids } = memory;
  const held = new Map<string, Holding>();
  const freePlaces = Array.from(words, (_, place) => place).toReversed();
  const atPlace: (Holding | undefined)[] = Array.from(words, () => undefined);
  const uncovered = new Set<Holding>();
  const looks = new Set<{ readonly round: number }>();
  let passedRound = 0;

  const isOver = () => {
    const round = Atomics.load(head, at.round);
    if (round === passedRound) return true;
    if (round % 2 !== 0) return false;
    for (const look of looks) if (look.round !== round) return false;
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
    const holding: Holding = { job, place, again: undefined, isRun: false, onTurn: undefined };
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
    // Given again before it has passed through: the look was void, and lets go of it at once.
    if (before !== undefined && isTakenBack(before.place)) return holding;
    if (before === undefined) held.set(job.id, holding);
    else lastOf(before).again = holding;
    return holding;
  };

  return {
    get size() {
      return held.size;
    },
    get: (jobId) => held.get(jobId),
    turn(jobId) {
      const first = held.get(jobId);
      let holding = first;
      while (holding?.isRun) holding = holding.again;
      if (holding === undefined) return undefined;
      holding.isRun = true;
      return holding === first ? undefined : new Promise((resolve) => (holding.onTurn = resolve));
    },
    hold: (jobs) => jobs.map(holdOne),
    begin(jobId) {
      const place = held.get(jobId)?.place ?? -1;
      return place < 0 || Atomics.compareExchange(words, place, stands.held, stands.begun) !== stands.takenBack;
    },
    takenBackAmong(holdings) {
      // Before a round nothing is taken back.
      if (Atomics.load(head, at.round) === passedRound) return [];
      return holdings.filter(({ place }) => isTakenBack(place));
    },
    letGo: (holdings) => holdings.forEach(letGoOne),
    look() {
      if (!isOver()) return undefined;
      const look = { round: passedRound };
      looks.add(look);
      Atomics.add(head, at.looks, 1);
      return {
        isVoid: () => Atomics.load(head, at.round) !== look.round,
        ended() {
          looks.delete(look);
          Atomics.sub(head, at.looks, 1);
        },
      };
    },
    reopens: () => Atomics.load(head, at.round) !== passedRound && isOver(),
  };
}

function lastOf(holding: Holding): Holding {
  let last = holding;
  while (last.again !== undefined) last = last.again;
  return last;
}
