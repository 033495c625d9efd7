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
  /** Checks out a connection and begins. Rejects with the connection back in the pool, or closed. */
  begin(options: BeginOptions): Promise<Transaction<Tx>>;
  /**
   * What the work gets as `tx` when it joins a unit that another adapter over the same `database` has begun: made from that transaction's
   * {@link Transaction.handle}; `undefined` where it cannot. Left out, only units of this very adapter can be joined.
   */
  adopt?(handle: unknown): Promise<Tx | undefined> | Tx | undefined;
}

/** How a transaction is begun. */
export interface BeginOptions {
  readonly isolation?: Isolation | undefined;
  /** A statement to send right behind BEGIN, in the same message where the driver can. */
  readonly mark?: string | undefined;
  /** Is told what goes over the connection for the work. Left out, the transaction has no work, only {@link Transaction.query}. */
  readonly watch?: TransactionWatch | undefined;
  /**
   * Aborted when nobody waits for the transaction any more. A connection that comes later goes back as it is; one that has not answered BEGIN
   * yet is closed, since it may never answer. An adapter that does not look at it has what comes late rolled back.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called when a connection is there and BEGIN is about to be sent: until then, the pool has the time it takes. */
  readonly onConnection?: (() => void) | undefined;
}

/** What an adapter tells of the statements that the work sends by itself, through `tx`. */
export interface TransactionWatch {
  /**
   * Before a statement is sent, in the asynchronous context of whoever sends it. When it throws, the statement fails with that and is
   * not sent.
   */
  sending(text: string | undefined): void;
  /**
   * The driver's result of a statement, or a list of them where the text had several, with the command tag as `command`; and the text as
   * it was sent, if there was one. A savepoint in a tag and not in the text undoes the unit.
   */
  answered(result: unknown, text: string | undefined): void;
  /** The error of a statement, as the driver has it, and the text that failed. */
  failed(error: unknown, text?: string): void;
  /** A notice of the server, from BEGIN to the answer to COMMIT, also of statements of the unit itself. */
  noticed(notice: unknown): void;
}

/**
 * One running transaction and its connection. Savepoints are statements like any other, so an adapter does nothing for
 * them. An adapter on top of another one may copy it with another {@link tx}: none of the functions needs `this`.
 */
export interface Transaction<out Tx> {
  /** What the work gets. It must tell the watch of each statement, and refuse every one once the transaction has ended. */
  readonly tx: Tx;
  /** The driver's own object below {@link tx}, for other adapters over the same pool. */
  readonly handle?: unknown;
  /** The physical connection: the same object whenever it is the same session. */
  readonly connection?: object;
  /** Whether something that was sent before has not been answered to its end. Left out: no. */
  isBusy?(): boolean;
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
   * sent after it is refused. `undefined`, and nothing is sent, when something else is on its way on the connection. Without it, or where
   * it gives nothing, the statement is awaited first: that costs a round trip.
   */
  pipelineCommit?(text: string): PipelinedCommit | undefined;
  /**
   * Rolls back, or closes a connection that no longer answers. Settles in bounded time, with the connection back in the
   * pool, and never rejects: the reason is what the caller needs to see.
   */
  rollback(reason: unknown): Promise<void>;
  /** Closes the connection at once, so that whatever waits for an answer on it rejects. */
  abandon(reason: Error): void;
}

/** Two answers that are due: see {@link Transaction.pipelineCommit}. */
export interface PipelinedCommit {
  /** Of the statement. It settles as soon as it is there, and not after {@link tag}. */
  readonly answer: ReturnType<Transaction<unknown>["query"]>;
  /** As of {@link Transaction.commit}. */
  readonly tag: Promise<string>;
}
