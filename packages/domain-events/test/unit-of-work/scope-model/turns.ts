/**
 * Lets several branches go on in an order that does not depend on time: each takes a turn before each step, and the next one gets its turn
 * when all others wait for theirs. Now and then two get it at once.
 */
export class Turns {
  readonly #order: readonly number[];
  readonly #waiting: (() => void)[] = [];
  #position = 0;
  #busyCount = 0;

  constructor(order: readonly number[]) {
    this.#order = order;
  }

  /** A branch begins, or goes on after its inner ones. */
  enter(): void {
    this.#busyCount += 1;
  }

  /** It has ended, or waits for its inner ones. */
  leave(): void {
    this.#busyCount -= 1;
    this.#give();
  }

  async take(): Promise<void> {
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn.resolve);
    this.leave();
    await turn.promise;
  }

  #give(): void {
    if (this.#busyCount > 0) return;
    const number = this.#next();
    this.#giveTo(number);
    if (number % 3 === 0) this.#giveTo(this.#next());
  }

  #giveTo(number: number): void {
    const [chosen] = this.#waiting.splice(number % Math.max(this.#waiting.length, 1), 1);
    if (!chosen) return;
    this.#busyCount += 1;
    chosen();
  }

  #next(): number {
    const number = this.#order[this.#position % Math.max(this.#order.length, 1)] ?? 0;
    this.#position += 1;
    return number;
  }
}
