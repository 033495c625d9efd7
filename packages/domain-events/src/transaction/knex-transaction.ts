import { isAnswer, isConnectionError, mayOnlyRead } from "./database-error.ts";
import { TransactionAbortedError } from "../errors.ts";
import { type DriverTransaction, guardedTransaction } from "./guarded-transaction.ts";
import { HeldConnection, rollbackTimeoutMs } from "./held-connection.ts";
import { discard, isDisposed, type KnexConnection, markDisposed, markUsable } from "./knex-connection.ts";
import { ReplaceableQuery } from "./replaceable-query.ts";
import type { BeginOptions, Transaction, TransactionWatch } from "./transaction-adapter.ts";
import { withTimeout } from "@acme/shared/timeout";
import { watchedQuery } from "./watched-query.ts";

/** The part of a knex transaction that the adapter needs, including internals of knex. */
export interface KnexTransaction {
  isCompleted?(): boolean;
  commit(value?: unknown): PromiseLike<unknown>;
  rollback(error?: unknown): PromiseLike<unknown>;
  on(event: "query-error", listener: (error: unknown) => void): unknown;
  readonly client: { acquireConnection(): Promise<KnexConnection> };
}

/** A transaction that knex has begun. It lasts until `released` settles, when its connection is back in the pool. */
export async function knexTransactionOn<Tx>(
  trx: KnexTransaction,
  released: Promise<unknown>,
  { mark, watch }: Pick<BeginOptions, "mark" | "watch">,
): Promise<Transaction<Tx>> {
  const held = new HeldConnection(await trx.client.acquireConnection(), watch);
  const driver = new KnexDriverTransaction(held, trx, released);
  if (mark !== undefined) await driver.send(mark);
  if (watch) driver.watchBy(watch);
  driver.discardWhenLost();
  return guardedTransaction(held, driver);
}

class KnexDriverTransaction implements DriverTransaction<unknown> {
  readonly handle: KnexTransaction;
  readonly send: KnexConnection["query"];
  readonly #held: HeldConnection<KnexConnection>;
  readonly #released: Promise<unknown>;
  readonly #query: ReplaceableQuery;
  readonly #commit: KnexTransaction["commit"];
  readonly #rollback: KnexTransaction["rollback"];
  #isEndSent = false;
  #isSpent = false;

  constructor(held: HeldConnection<KnexConnection>, trx: KnexTransaction, released: Promise<unknown>) {
    this.handle = trx;
    this.#held = held;
    this.#released = released;
    this.#query = new ReplaceableQuery(held.connection);
    this.send = this.#query.send;
    this.#commit = trx.commit;
    this.#rollback = trx.rollback;
    const onReleased = (): void => this.#onReleased();
    released.then(onReleased, onReleased);
  }

  watchBy(watch: TransactionWatch): void {
    this.#query.replaceBy((...args) => watchedQuery((...sent) => this.#query.sendAll(sent), args, watch));
    this.handle.commit = this.handle.rollback = () => {
      watch.sending("rollback");
      return Promise.resolve();
    };
  }

  /** Discards a lost connection before knex gives it back. After that, other code may have checked it out. */
  discardWhenLost(): void {
    this.handle.on("query-error", (error) => {
      if (!this.#held.isOpen && isConnectionError(error)) discard(this.#held.connection, error);
    });
  }

  sendCommit(): PromiseLike<unknown> {
    this.#close();
    return this.#commit();
  }

  async tagOf(committed: PromiseLike<unknown>): Promise<string> {
    try {
      // If COMMIT fails, this promise resolves all the same; only `released` rejects.
      const answer = await committed;
      await this.#released;
      const { response } = answer as { response?: { command?: unknown } };
      return String(response?.command);
    } catch (error) {
      throw this.#isEndSent ? error : TransactionAbortedError.notSent(error);
    }
  }

  async rollback(reason: unknown): Promise<void> {
    this.#close();
    // The next connection may be able to write.
    this.#isSpent = mayOnlyRead(reason);
    const ended = this.#released.catch(() => {});
    void Promise.resolve(this.#rollback(reason)).catch(() => {});
    await withTimeout(rollbackTimeoutMs, ended).catch((error: unknown) => this.abandon(error));
    await ended;
  }

  abandon(reason: unknown): void {
    discard(this.#held.connection, reason);
  }

  /**
   * From now on only COMMIT or ROLLBACK is sent; knex itself refuses everything else. Until the server has answered,
   * the pool must not hand the connection out again: its next user could commit the transaction that is still open in
   * it.
   */
  #close(): void {
    if (!this.#held.isOpen) return;
    this.#held.close();
    this.#query.restore();
    markDisposed(this.#held.connection, "COMMIT or ROLLBACK was not answered");
    this.#query.replaceBy((...args) => this.#sendEnd(args));
  }

  #sendEnd(args: readonly unknown[]): unknown {
    this.#query.restore();
    this.#isEndSent = true;
    const callback = args.at(-1) as (error: unknown, result: unknown) => unknown;
    const settle = (error: unknown, result: unknown): unknown => {
      if (!this.#isSpent && (!error || isAnswer(error))) markUsable(this.#held.connection);
      return callback(error, result);
    };
    return this.#query.sendAll([...args.slice(0, -1), settle]);
  }

  #onReleased(): void {
    this.#close();
    this.#query.restore();
    this.#held.letGo();
    // COMMIT or ROLLBACK was not sent, or its answer is lost. Closing the connection ends the transaction.
    if (isDisposed(this.#held.connection)) discard(this.#held.connection, "COMMIT or ROLLBACK was not answered");
  }
}
