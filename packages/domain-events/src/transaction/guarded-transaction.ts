import type { SpeakingConnection } from "./connection-events.ts";
import { TransactionAbortedError } from "../errors.ts";
import type { HeldConnection } from "./held-connection.ts";
import { type PipeliningClient, sendTogether } from "./pipeline.ts";
import type { Transaction } from "./transaction-adapter.ts";
import { unitEnded } from "../unit-errors.ts";

/** The part of a transaction that differs between the drivers. */
export interface DriverTransaction<Committed> {
  /** What the work gets as `tx`, and other adapters over the same pool as the handle. */
  readonly handle: unknown;
  /** Sends a statement that the watch is not told of. */
  send(text: string, values?: unknown[]): ReturnType<Transaction<unknown>["query"]>;
  /** Sends COMMIT, and from then on nothing else. */
  sendCommit(): PromiseLike<Committed>;
  /** The command tag of the answer to COMMIT. Settles when the connection is back in the pool, or closed. */
  tagOf(committed: PromiseLike<Committed>): Promise<string>;
  /** Does what {@link Transaction.rollback} says. */
  rollback(reason: unknown): Promise<void>;
  /** Does what {@link Transaction.abandon} says. */
  abandon(reason: Error): void;
}

/** A transaction that sends nothing on a lost connection, and nothing after its COMMIT. */
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
