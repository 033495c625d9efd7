import { DomainEventsError } from "../errors.ts";

/** The part of a driver's connection that knows whether a transaction is open in it. An older pg does not know. */
export interface StatusConnection {
  getTransactionStatus?(): string | null;
  readonly readyForQuery?: boolean;
  query(text: string): Promise<unknown>;
}

/**
 * Code that sends BEGIN through a pool, rather than on one client of it, leaves a transaction open in one of the
 * connections. A unit on this connection would commit or roll back its rows.
 *
 * @throws {@link DomainEventsError} `TRANSACTION_LEFT_OPEN`; BEGIN has not been sent.
 */
export async function refuseOpenTransaction(connection: StatusConnection): Promise<void> {
  // A statement of other code is still running here. The status is known once it has ended, even with an error.
  if (connection.readyForQuery === false) await connection.query("").catch(() => {});
  const status = connection.getTransactionStatus?.() ?? "I";
  if (status === "I") return;
  throw new DomainEventsError(
    "TRANSACTION_LEFT_OPEN",
    "The pool has handed out a connection in which other code has begun a transaction and left it open, so BEGIN was not sent. " +
      "Look for code that sends BEGIN through the pool: a transaction belongs on one client, which is released when the " +
      "transaction has ended.",
  );
}
