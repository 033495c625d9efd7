import { DomainEventsError } from "../errors.ts";
import { findScope } from "../current-unit.ts";
import { transactionControlIn } from "../transaction/transaction-control.ts";
import { codeOf } from "../transaction/database-error.ts";
import type {
  BeginOptions,
  Transaction,
  TransactionAdapter,
  TransactionWatch,
} from "../transaction/transaction-adapter.ts";
import { withTimeout } from "@acme/shared/timeout";

/** What {@link beginTestTransaction} returns. */
export interface TestTransaction<out Tx> extends AsyncDisposable {
  /** For the rows of the test itself, before, between and after the units. */
  readonly tx: Tx;
  /** For {@link createUnitOfWork}: its units are parts of the test's transaction. */
  readonly transactions: TransactionAdapter<Tx>;
  /**
   * Rolls everything back and gives the connection back to its pool. Calling it twice is harmless.
   *
   * @throws Nothing: a connection that does not answer is closed.
   */
  rollback(): Promise<void>;
}

const savepoint = "domain_events_unit";
/** A unit that waits for longer is started inside another one, which waits for it. */
const longestWaitMs = 2_000;

/**
 * Begins a transaction that is rolled back at the end of the test, so that a test leaves no rows behind. The units of
 * its `transactions` run inside of it, each in a savepoint. Releasing that savepoint counts as COMMIT, so handlers run,
 * and a unit that rejects has its rows rolled back. Units run one after the other, also if they are started together.
 * Deferred constraints are checked at the end of each unit.
 *
 * Nothing is ever committed, so such a test cannot show what other connections see: rows and jobs are invisible to them
 * (a worker or `drain` finds none), `NOTIFY` is never delivered, and locks are held until the end of the test. Isolation
 * levels are ignored, `now()` stands still, and what a deferred trigger writes is undone. A statement that a unit sends
 * after its commit counts as one of the test. Where that matters, give the test a database.
 *
 * @param transactions `pgTransactions(pool)` or `knexTransactions(knex)`; it takes one connection of that pool.
 * @throws what `transactions` throws if it cannot begin. A unit rejects with `TEST_TRANSACTION_BUSY` if it was started
 * inside another one with `runOutsideUnits`, and with `UNIT_ENDED` after the end of the test's transaction. The test's
 * own COMMIT or ROLLBACK through `tx` is refused with `TRANSACTION_OWNED`.
 *
 * @example
 * await using testing = await beginTestTransaction(knexTransactions(knex));
 * const unitOfWork = createUnitOfWork(testing.transactions, { bus });
 *
 * await registerUser(unitOfWork, "ada@example.org");
 *
 * expect(await testing.tx("users").where({ email: "ada@example.org" })).toHaveLength(1);
 */
export async function beginTestTransaction<Tx>(transactions: TransactionAdapter<Tx>): Promise<TestTransaction<Tx>> {
  const watch = new PassingWatch(transactions.database);
  const whole = await transactions.begin({ watch });
  const units = new UnitsInTurn(whole, watch);
  let rolledBack: Promise<void> | undefined;
  const rollback = (): Promise<void> => (rolledBack ??= whole.rollback(undefined));
  return {
    tx: whole.tx,
    transactions: { ...transactions, begin: (options) => units.begin(options) },
    rollback,
    [Symbol.asyncDispose]: rollback,
  };
}

/** Passes on what it is told to the watch of the unit that is running. */
class PassingWatch implements TransactionWatch {
  current: TransactionWatch | undefined;
  readonly #database: object;

  constructor(database: object) {
    this.#database = database;
  }

  sending(text: string | undefined): void {
    if (this.current) return this.current.sending(text);
    const late = findScope((unit) => unit.database === this.#database);
    if (late)
      throw ended("A statement was sent by a unit of work that has ended. Await everything that its work starts.");
    const controls = text === undefined ? [] : transactionControlIn(text);
    if (controls.every(({ kind }) => kind !== "end")) return;
    throw new DomainEventsError(
      "TRANSACTION_OWNED",
      "The test would have ended its transaction by a statement. Only rollback() of the test transaction ends it.",
    );
  }

  answered(result: unknown, text: string | undefined): void {
    this.current?.answered(result, text);
  }

  failed(error: unknown, text?: string): void {
    this.current?.failed(error, text);
  }

  noticed(notice: unknown): void {
    this.current?.noticed(notice);
  }
}

/** Units on one connection: each begins when the one before it has ended. */
class UnitsInTurn<Tx> {
  readonly #whole: Transaction<Tx>;
  readonly #watch: PassingWatch;
  #lastEnded: Promise<void> = Promise.resolve();

  constructor(whole: Transaction<Tx>, watch: PassingWatch) {
    this.#whole = whole;
    this.#watch = watch;
  }

  async begin(options: BeginOptions): Promise<Transaction<Tx>> {
    const before = this.#lastEnded;
    let leave = ignore;
    const unitEnded = new Promise<void>((resolve) => (leave = resolve));
    this.#lastEnded = before.then(() => unitEnded);
    try {
      await withTimeout(longestWaitMs, before, busy);
      options.signal?.throwIfAborted();
      options.onConnection?.();
      await this.#whole.query(`savepoint ${savepoint}; ${options.mark ?? ""}`);
    } catch (error) {
      leave();
      throw error;
    }
    this.#watch.current = options.watch;
    return this.#unit(() => {
      this.#watch.current = undefined;
      leave();
    });
  }

  #unit(leave: () => void): Transaction<Tx> {
    const { pipelineCommit: _, ...whole } = this.#whole;
    let isOver = false;
    const undo = async (): Promise<void> => {
      if (isOver) return;
      isOver = true;
      const rolledBack = whole.query(`rollback to savepoint ${savepoint}; release savepoint ${savepoint}`);
      // Without an answer it is not known which rows are left, so the whole transaction has to go.
      await withTimeout(longestWaitMs, rolledBack).catch((error: unknown) => whole.abandon(asError(error)));
      leave();
    };
    return {
      ...whole,
      rollback: undo,
      commit: async () => {
        try {
          await whole.query(releaseSql);
        } catch (error) {
          await undo();
          // The server answers the COMMIT of a transaction in which a statement has failed with ROLLBACK.
          if (codeOf(error) === "25P02") return "ROLLBACK";
          throw error;
        }
        isOver = true;
        leave();
        return "COMMIT";
      },
    };
  }
}

/** The savepoint in it lets constraints that are checked now be deferred again in the next unit. */
const releaseSql = `savepoint ${savepoint}_check; set constraints all immediate;
  rollback to savepoint ${savepoint}_check; release savepoint ${savepoint}`;

function busy(): DomainEventsError {
  return new DomainEventsError(
    "TEST_TRANSACTION_BUSY",
    `A unit of work waited ${longestWaitMs} ms for the one before it, since all units of a test's transaction share one connection. ` +
      "If it was started inside that unit by runOutsideUnits(), it needs a second connection: give this test a database.",
  );
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function ended(what: string): DomainEventsError {
  return new DomainEventsError("UNIT_ENDED", what);
}

function ignore(): void {}
