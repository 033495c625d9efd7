/** The memory that the main thread and the watching thread share. */
export interface HangMemory {
  /** See `at`. */
  readonly head: Int32Array;
  /** The state of each job that the pool holds: one of `stands`. */
  readonly words: Int32Array;
  /** The id of the job at the same index. */
  readonly ids: Float64Array;
}

export const at = {
  /** Incremented by the main thread as long as it does not hang. */
  beats: 0,
  /** Incremented by the watching thread before and after it takes jobs back, so it is odd in between. */
  round: 1,
  /** How many fetches are under way. */
  fetches: 2,
  /** How many held jobs have no place in `words`. */
  uncovered: 3,
} as const;

/** A held job is either begun by the main thread or taken back by the watching thread, whichever comes first. */
export const stands = { free: 0, held: 1, begun: 2, takenBack: 3 } as const;

export function createHangMemory(places: number): HangMemory {
  return {
    head: new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT)),
    words: new Int32Array(new SharedArrayBuffer(places * Int32Array.BYTES_PER_ELEMENT)),
    ids: new Float64Array(new SharedArrayBuffer(places * Float64Array.BYTES_PER_ELEMENT)),
  };
}

/** Takes back every job that has not begun. */
export function takeBackHeld({ words, ids }: HangMemory): string[] {
  const taken: string[] = [];
  for (let place = 0; place < words.length; place += 1) {
    if (Atomics.compareExchange(words, place, stands.held, stands.takenBack) !== stands.held) continue;
    taken.push(String(ids[place]));
  }
  return taken;
}

export function hasHeld({ words }: HangMemory): boolean {
  return words.some((_, place) => Atomics.load(words, place) === stands.held);
}

export function begunIds({ words, ids }: HangMemory): string[] {
  const begun: string[] = [];
  for (let place = 0; place < words.length; place += 1) {
    if (Atomics.load(words, place) === stands.begun) begun.push(String(ids[place]));
  }
  return begun;
}
