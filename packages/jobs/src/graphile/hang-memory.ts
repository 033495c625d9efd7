/** What the main thread and the thread that watches it both see. */
export interface HangMemory {
  /** See `at`. */
  readonly head: Int32Array;
  /** How each job stands that the pool has been given: one of `stands`. */
  readonly words: Int32Array;
  /** Which job that is. */
  readonly ids: Float64Array;
}

export const at = {
  /** Counted up by the main thread for as long as it does not hang. */
  beats: 0,
  /** Counted up by the watching thread before and after it takes jobs back: odd while it does. */
  round: 1,
  /** How many fetches have not been answered. */
  fetches: 2,
  /** How many jobs were given for which there was no place. */
  uncovered: 3,
} as const;

/** Each job is either begun by the main thread or taken back by the other one, whichever finds it held first. */
export const stands = { free: 0, held: 1, begun: 2, takenBack: 3 } as const;

export function createHangMemory(places: number): HangMemory {
  return {
    head: new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT)),
    words: new Int32Array(new SharedArrayBuffer(places * Int32Array.BYTES_PER_ELEMENT)),
    ids: new Float64Array(new SharedArrayBuffer(places * Float64Array.BYTES_PER_ELEMENT)),
  };
}

/** Takes back every job that was not begun. */
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
