import { type ConnectionHolder, holdConnection, letGo, type SpeakingConnection } from "./connection-events.ts";
import type { TransactionWatch } from "./transaction-adapter.ts";

/**
 * A connection that has not answered ROLLBACK after this time is closed. PostgreSQL then rolls back its transaction.
 */
export const rollbackTimeoutMs = 2_000;

/** A connection while a transaction uses it: whether it has reported its loss, and whether it takes statements. */
export class HeldConnection<Connection extends SpeakingConnection> implements ConnectionHolder {
  readonly connection: Connection;
  readonly #watch: TransactionWatch | undefined;
  #loss: Error | undefined;
  #isOpen = true;

  constructor(connection: Connection, watch: TransactionWatch | undefined) {
    this.connection = connection;
    this.#watch = watch;
    holdConnection(connection, this);
  }

  /** The first error that the connection has emitted. */
  get loss(): Error | undefined {
    return this.#loss;
  }

  /** Whether anything but COMMIT or ROLLBACK may be sent. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  lost(error: Error): void {
    this.#loss ??= error;
  }

  noticed(notice: object): void {
    this.#watch?.noticed(notice);
  }

  close(): void {
    this.#isOpen = false;
  }

  letGo(): void {
    letGo(this.connection, this);
  }
}
