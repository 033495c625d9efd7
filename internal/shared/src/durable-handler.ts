/**
 * The transaction a unit of work hands to a {@link DurableStore}.
 */
export interface DurableTransaction {
  /** The adapter's own handle: a knex transaction, a pg client. */
  readonly tx: unknown;
  /** Runs one statement with `$1` placeholders in that transaction. */
  query(text: string, values: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
  /**
   * An SQL expression without parameters, of type text. A store that selects it in the statement with which it writes, and hands its value
   * over as {@link DurableReceipt.proof}, spares the unit of work a query of its own.
   */
  readonly proofSql: string;
}

/** What a {@link DurableStore} says of what it has written. */
export interface DurableReceipt {
  /** The value of {@link DurableTransaction.proofSql}. */
  readonly proof?: unknown;
  /**
   * Finds a row only if what was written is there. It is asked after a crash or failover, when the transaction's id proves nothing any more;
   * that nothing is found then proves nothing either, since what was written may be done and gone.
   */
  readonly witness?: { readonly text: string; readonly values: readonly unknown[] };
}

/**
 * Where durable handlers put what must outlive the process. `@acme/jobs` implements it with a job table or an outbox.
 *
 * All requests that one unit has for one store are written together, so that a unit costs one round trip however many
 * durable handlers it has.
 */
export interface DurableStore {
  /** Writes the requests: inside `transaction` where one is given, else at once and committed when the promise resolves. */
  write(requests: readonly unknown[], transaction?: DurableTransaction): Promise<DurableReceipt | undefined>;
  /** Told once after a transaction it wrote in has, or may have, committed. Returns at once and never throws. */
  wake(): void;
}

/**
 * What `jobs.durable(task, toPayload)` returns: a handler whose work is stored with the data and done later.
 */
export interface DurableHandler<in Event> {
  readonly delivery: "durable";
  /** Stands in logs and errors. */
  readonly name: string;
  readonly store: DurableStore;
  /** Turns the event into what the store writes; synchronously, so what takes time belongs into `write`. Throwing rolls the unit back. */
  toRequest(event: Event): unknown;
}
