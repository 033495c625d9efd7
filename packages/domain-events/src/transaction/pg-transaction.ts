import { isAnswer, mayOnlyRead } from "./database-error.ts";
import { type DriverTransaction, guardedTransaction } from "./guarded-transaction.ts";
import { HeldConnection, rollbackTimeoutMs } from "./held-connection.ts";
import type { PgClient, PgResult } from "./pg-client.ts";
import { expectNoAnswers } from "./pipeline.ts";
import type { Transaction, TransactionWatch } from "./transaction-adapter.ts";
import { type QueryWatch, watchQueries } from "./query-watch.ts";
import { watchedClient } from "./watched-client.ts";
import { withTimeout } from "@acme/shared/timeout";

/** A transaction on a client that the pool has handed out, until the client is released. */
export function pgTransactionOn<Tx>(client: PgClient, watch: TransactionWatch | undefined): Transaction<Tx> {
  const held = new HeldConnection(client, watch);
  return guardedTransaction(held, new PgTransaction(held, watch));
}

class PgTransaction implements DriverTransaction<PgResult> {
  readonly handle: PgClient;
  readonly #held: HeldConnection<PgClient>;
  readonly #watching: QueryWatch;
  #isReleased = false;

  constructor(held: HeldConnection<PgClient>, watch: TransactionWatch | undefined) {
    const client = held.connection;
    this.#held = held;
    this.#watching = watchQueries(client, watch);
    const { send } = this.#watching;
    this.handle = watch ? watchedClient(client, { watch, send, isOpen: () => held.isOpen }) : client;
  }

  send(text: string, values?: unknown[]): Promise<PgResult> {
    return this.#watching.send(text, values) as Promise<PgResult>;
  }

  sendCommit(): Promise<PgResult> {
    this.#held.close();
    return this.send("commit");
  }

  async tagOf(committed: PromiseLike<PgResult>): Promise<string> {
    try {
      const { command } = await committed;
      this.#release();
      return command;
    } catch (error) {
      // Without an answer the transaction may still be open, and the next user of the connection could commit it.
      this.#release(this.#held.loss ?? (isAnswer(error) ? undefined : error));
      throw error;
    }
  }

  async rollback(reason: unknown): Promise<void> {
    this.#held.close();
    if (this.#isReleased) return;
    try {
      await withTimeout(rollbackTimeoutMs, this.send("rollback"));
      // The next connection may be able to write.
      this.#release(mayOnlyRead(reason) ? reason : undefined);
    } catch (error) {
      this.#release(error);
    }
  }

  abandon(reason: Error): void {
    expectNoAnswers(this.#held.connection);
    this.#release(reason);
  }

  #release(error?: unknown): void {
    this.#held.close();
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#held.letGo();
    this.#watching.end();
    try {
      this.#held.connection.release(error === undefined ? undefined : error instanceof Error ? error : true);
    } catch (failure) {
      // A listener of the pool has thrown. That does not change what the server has answered.
      process.emitWarning(failure instanceof Error ? failure : String(failure));
    }
  }
}
