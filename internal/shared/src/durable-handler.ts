/**
 * The transaction that a unit of work passes to a {@link DurableStore}.
 */
export interface DurableTransaction {
  /** The adapter's own handle: a knex transaction, a pg client. */
  readonly tx: unknown;
  /**
   * Runs one statement with `$1` placeholders in that transaction.
   *
   * @throws the driver's error. PostgreSQL has then aborted the transaction, and the unit rolls back.
   */
  query(text: string, values: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
  /**
   * An SQL expression without parameters, of type text. If the store selects it in the statement with which it writes,
   * and returns its value as {@link DurableReceipt.proof}, the unit of work need not send a query of its own.
   */
  readonly proofSql: string;
}

/** What a {@link DurableStore} returns about the rows that it has written. */
export interface DurableReceipt {
  /** The value of {@link DurableTransaction.proofSql}. */
  readonly proof?: unknown;
  /**
   * A query that finds a row only if the requests are stored. It is sent after a crash or failover, when the
   * transaction's id proves nothing any more. If it finds no row, that proves nothing either: the work may be done and
   * its row gone.
   */
  readonly witness?: { readonly text: string; readonly values: readonly unknown[] };
}

/**
 * Stores the work of durable handlers, which must outlive the process. `@acme/jobs` implements it with a job table or
 * an outbox.
 *
 * All requests of one unit for one store are written together, in one round trip, however many durable handlers there
 * are.
 */
export interface DurableStore {
  /**
   * Writes the requests inside `transaction`. If none is given, it writes them at once, and they are committed when the
   * promise resolves.
   *
   * @throws whatever it likes: the unit then rolls back and rejects with that error.
   */
  write(requests: readonly unknown[], transaction?: DurableTransaction): Promise<DurableReceipt | undefined>;
  /**
   * Called once after a transaction in which the store wrote has committed, or may have committed. Returns at once and
   * never throws.
   *
   * @throws Nothing. An error is logged, since the data is committed.
   */
  wake(): void;
}

/**
 * What `jobs.durable(task, toPayload)` returns: a handler whose work is stored with the data and done later.
 */
export interface DurableHandler<in Event> {
  readonly delivery: "durable";
  /** The name of the handler in logs and errors. */
  readonly name: string;
  /** The task whose job does the work, for an event map. */
  readonly task?: string;
  readonly store: DurableStore;
  /**
   * Turns the event into the request that the store writes. It is synchronous, so anything that takes time belongs in
   * `write`.
   *
   * @throws whatever it likes: the unit then rolls back and rejects with that error.
   */
  toRequest(event: Event): unknown;
}
