/** The times of one store. */
export class MemoryClock {
  #movedMs = 0;
  #last = 0;

  /** Milliseconds since 1970. Never before a {@link stamp}. */
  get now(): number {
    return Math.max(Date.now() + this.#movedMs, this.#last);
  }

  /** Later than all before, by a microsecond at least: the order of what is noted in one millisecond is kept. */
  stamp(): number {
    const now = Date.now() + this.#movedMs;
    // Numbers of this size are exact to a quarter of a microsecond.
    this.#last = Math.max(now, this.#last + 0.001);
    return this.#last;
  }

  move(ms: number): void {
    this.#movedMs += ms;
  }
}
