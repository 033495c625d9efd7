import { DomainEventsError } from "../errors.ts";

/** The part of a driver's connection that knows whether a transaction is open in it; that of an older pg does not. */
export interface StatusConnection {
  getTransactionStatus?(): string | null;
  readonly readyForQuery?: boolean;
  query(text: string): Promise<unknown>;
}

/**
 * Whoever sends BEGIN through a pool, and not on one client of it, leaves a transaction behind in one of its connections. What it has
 * written would be committed with a unit, or undone.
 *
 * @throws {@link DomainEventsError} `TRANSACTION_LEFT_OPEN`; BEGIN has not been sent.
 */
export async function refuseOpenTransaction(connection: StatusConnection): Promise<void> {
  // Somebody has not awaited a statement, or has given up on it: how things stand is known behind it. Right behind an error, too.
  if (connection.readyForQuery === false) await connection.query("").catch(() => {});
  const status = connection.getTransactionStatus?.() ?? "I";
  if (status === "I") return;
  throw new DomainEventsError(
    "TRANSACTION_LEFT_OPEN",
    "The pool has handed out a connection in which somebody has begun a transaction and left it open, so BEGIN was not sent. Find out who sends " +
      "BEGIN through the pool: a transaction belongs on one client, which is released when it has ended.",
  );
}
