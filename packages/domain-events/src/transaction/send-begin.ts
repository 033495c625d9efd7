import { onAbort } from "@acme/shared/on-abort";
import { refuseOpenTransaction, type StatusConnection } from "./open-transaction.ts";
import type { BeginOptions } from "./transaction-adapter.ts";

/**
 * Call it before BEGIN is sent on a connection that the pool has handed out. If it rejects, the connection goes back as
 * it is.
 *
 * @throws the signal's reason; {@link DomainEventsError} `TRANSACTION_LEFT_OPEN`.
 */
export async function checkBeforeBegin(connection: StatusConnection, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  // If a statement of other code is still running on the connection, this waits for it. We must not end that statement.
  await refuseOpenTransaction(connection);
  signal?.throwIfAborted();
}

/** How a driver's connection sends BEGIN. */
export interface BeginningConnection {
  send(text: string): Promise<unknown>;
  /** Closes the connection, because the caller no longer waits for the answer, which may never come. */
  giveUp(reason: unknown): void;
}

/** Sends BEGIN, with the mark in the same message, and waits for the answer until the signal is aborted. */
export async function sendBegin(connection: BeginningConnection, options: BeginOptions): Promise<void> {
  const { signal, onConnection } = options;
  const stopWaiting = signal && onAbort(signal, () => connection.giveUp(signal.reason));
  try {
    onConnection?.();
    await connection.send(beginSql(options));
  } finally {
    // Before the connection goes back to the pool, since other code may use it then.
    stopWaiting?.();
  }
}

function beginSql({ isolation, mark }: BeginOptions): string {
  const begin = isolation ? `begin isolation level ${isolation}` : "begin";
  return mark ? `${begin}; ${mark}` : begin;
}
