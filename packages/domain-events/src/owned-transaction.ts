import { DomainEventsError } from "./errors.ts";

const space = String.raw`(?:\s|;|--[^\n]*(?:\n|$)|/\*[\s\S]*?\*/)*`;
const control = new RegExp(
  String.raw`^${space}(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b))\b`,
  "i",
);

/** After such a silence COMMIT is not sent before the connection has shown that it lives. */
const quietMs = 100;

/**
 * Sees to it that only the unit of work ends its transaction. A statement of the work that would is refused before it is
 * sent; one hidden in a longer text is found out by its command tag, or by the server's warning at our COMMIT.
 */
export class OwnedTransaction {
  #violation: DomainEventsError | undefined;
  #isClosed = false;
  #answeredAt = performance.now();

  /** From now on every statement of the work is refused: the connection may belong to another unit already. */
  close(): void {
    this.#isClosed = true;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Why the transaction must not be committed. */
  get violation(): DomainEventsError | undefined {
    return this.#violation;
  }

  /** A connection that has been quiet for longer may be dead without anybody having noticed. */
  get hasJustAnswered(): boolean {
    return performance.now() - this.#answeredAt < quietMs;
  }

  /** @throws {@link DomainEventsError} `UNIT_ENDED`. */
  checkOpen(): void {
    if (!this.#isClosed) return;
    throw new DomainEventsError(
      "UNIT_ENDED",
      "A statement was sent on the transaction of a unit of work that has ended. Await everything the work starts.",
    );
  }

  /** @throws {@link DomainEventsError} `UNIT_ENDED`, `TRANSACTION_OWNED`. */
  check(statement: unknown): void {
    this.checkOpen();
    if (typeof statement === "string" && control.test(statement)) throw this.refuse();
  }

  /** Remembers the attempt as well: a work that wanted to roll back must not be committed. */
  refuse(): DomainEventsError {
    this.#violation ??= new DomainEventsError(
      "TRANSACTION_OWNED",
      "The work began, committed or rolled back the transaction itself; the unit of work does that, and nothing was published. " +
        "Return to commit, throw to roll back, and use savepoint() for a part that may fail.",
    );
    return this.#violation;
  }

  /** Looks at what the server answered: one result, or one for each statement of a longer text. */
  observe(results: unknown): void {
    this.#answeredAt = performance.now();
    if (!this.#isClosed && (Array.isArray(results) ? results.some(endsTransaction) : endsTransaction(results)))
      this.refuse();
  }

  /** A warning at COMMIT that there was no transaction: the work had ended it. */
  observeNotice(notice: unknown): void {
    if (typeof notice === "object" && notice !== null && "code" in notice && notice.code === "25P01") this.refuse();
  }
}

function endsTransaction(result: unknown): boolean {
  const tag = typeof result === "object" && result !== null && "command" in result ? result.command : undefined;
  return tag === "COMMIT" || tag === "BEGIN" || tag === "START";
}
