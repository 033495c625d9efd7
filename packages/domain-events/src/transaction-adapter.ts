export const isolations = ["read committed", "repeatable read", "serializable"] as const;

/** The isolation levels of PostgreSQL. */
export type Isolation = (typeof isolations)[number];

/**
 * What a unit of work needs of a database driver. `@acme/domain-events/knex` and `/pg` are two; one of your own has to
 * pass the same conformance suite.
 */
export interface TransactionAdapter<out Tx> {
  /** The pool or client underneath. A unit inside another one joins it when both have the same. */
  readonly database: object;
  /** Checks out a connection and begins. Rejects with the connection back in the pool. */
  begin(options: { readonly isolation?: Isolation | undefined }): Promise<Transaction<Tx>>;
  /** `select pg_xact_status($1::xid8)`, on any connection. Gives up, and the connection too, after `timeoutMs`. */
  transactionStatus(transactionId: string, options: { readonly timeoutMs: number }): Promise<string | null>;
}

/**
 * One running transaction and its connection. Savepoints are statements like any other, so an adapter does nothing for
 * them.
 */
export interface Transaction<out Tx> {
  /** What the work gets. It must refuse statements that end the transaction, and any statement once that has ended. */
  readonly tx: Tx;
  /** Runs one statement with `$1` placeholders. May be called while an earlier one is still on its way. */
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
  /**
   * Sends COMMIT; the resolved value is the command tag of the server's answer, the only proof of a commit. Settles when
   * the connection is back in the pool.
   *
   * @throws {@link DomainEventsError} when it can tell that nothing was committed; otherwise the driver's error.
   */
  commit(): Promise<string>;
  /**
   * Sends a statement and COMMIT back to back, as two messages: never as one, whose answers would come, or be lost, together. What is
   * sent after it is refused. `undefined`, and nothing is sent, when something else is on its way on the connection, or when the server has not
   * answered for a moment. Without it, or where it gives nothing, the statement is awaited first: that costs a round trip.
   */
  pipelineCommit?(text: string): PipelinedCommit | undefined;
  /**
   * Rolls back, or closes a connection that no longer answers. Settles in bounded time, with the connection back in the
   * pool, and never rejects: the reason is what the caller needs to see.
   */
  rollback(reason: unknown): Promise<void>;
}

export interface PipelinedCommit {
  /** Of the statement. It settles as soon as it is there, and not after {@link tag}. */
  readonly answer: ReturnType<Transaction<unknown>["query"]>;
  /** As of {@link Transaction.commit}. */
  readonly tag: Promise<string>;
}
