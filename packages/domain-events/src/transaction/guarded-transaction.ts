import type { SpeakingConnection } from "./connection-events.ts";
import { TransactionAbortedError } from "../errors.ts";
import type { HeldConnection } from "./held-connection.ts";
import { type PipeliningClient, sendTogether } from "./pipeline.ts";
import type { Transaction } from "./transaction-adapter.ts";
import { unitEnded } from "../unit-errors.ts";

/** What each driver does in its own way. */
export interface DriverTransaction<Committed> {
  /** What the work gets, and other adapters over the same pool. */
  readonly handle: unknown;
  /** Sends below the watch. */
  send(text: string, values?: unknown[]): ReturnType<Transaction<unknown>["query"]>;
  /** Sends COMMIT, and from then on nothing else. */
  sendCommit(): PromiseLike<Committed>;
  /** The command tag by which COMMIT was answered. Settles when the connection is back in the pool, or closed. */
  tagOf(committed: PromiseLike<Committed>): Promise<string>;
  /** As {@link Transaction.rollback}. */
  rollback(reason: unknown): Promise<void>;
  /** As {@link Transaction.abandon}. */
  abandon(reason: Error): void;
}

/** A transaction of a driver that sends nothing on a connection that is lost, nor after its COMMIT. */
export function guardedTransaction<Tx, Committed>(
  held: HeldConnection<PipeliningClient & SpeakingConnection>,
  driver: DriverTransaction<Committed>,
): Transaction<Tx> {
  const { connection } = held;
  return {
    tx: driver.handle as Tx,
    handle: driver.handle,
    connection,
    isBusy: () => connection.readyForQuery === false,
    async query(text, values) {
      if (held.loss) throw TransactionAbortedError.lost(held.loss);
      if (!held.isOpen) throw unitEnded("A statement was sent", "committed");
      return driver.send(text, values && [...values]);
    },
    async commit() {
      if (!held.loss) return driver.tagOf(driver.sendCommit());
      const refusal = TransactionAbortedError.lost(held.loss);
      await driver.rollback(refusal);
      throw refusal;
    },
    pipelineCommit(text) {
      if (held.loss) return undefined;
      const sent = sendTogether(
        connection,
        () => driver.send(text),
        () => driver.sendCommit(),
      );
      return sent && { answer: sent[0], tag: driver.tagOf(sent[1]) };
    },
    rollback: (reason) => driver.rollback(reason),
    abandon: (reason) => driver.abandon(reason),
  };
}
