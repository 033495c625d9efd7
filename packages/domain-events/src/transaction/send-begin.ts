import { onAbort } from "@acme/shared/on-abort";
import { refuseOpenTransaction, type StatusConnection } from "./open-transaction.ts";
import type { BeginOptions } from "./transaction-adapter.ts";

/**
 * Before BEGIN is sent on a connection that the pool has handed out: it goes back as it is where this rejects.
 *
 * @throws the signal's reason; {@link DomainEventsError} `TRANSACTION_LEFT_OPEN`.
 */
export async function checkBeforeBegin(connection: StatusConnection, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  // Behind a statement that somebody has not awaited it takes as long as that. It is not ours to end.
  await refuseOpenTransaction(connection);
  signal?.throwIfAborted();
}

/** How a driver's connection sends BEGIN. */
export interface BeginningConnection {
  send(text: string): Promise<unknown>;
  /** Closes it: nobody waits for the answer any more, and it may never come. */
  giveUp(reason: unknown): void;
}

/** Sends BEGIN, with the mark in the same message, and waits for the answer as long as anybody waits for the transaction. */
export async function sendBegin(connection: BeginningConnection, options: BeginOptions): Promise<void> {
  const { signal, onConnection } = options;
  const stopWaiting = signal && onAbort(signal, () => connection.giveUp(signal.reason));
  try {
    onConnection?.();
    await connection.send(beginSql(options));
  } finally {
    // Before the connection goes back: somebody else has it then.
    stopWaiting?.();
  }
}

function beginSql({ isolation, mark }: BeginOptions): string {
  const begin = isolation ? `begin isolation level ${isolation}` : "begin";
  return mark ? `${begin}; ${mark}` : begin;
}
