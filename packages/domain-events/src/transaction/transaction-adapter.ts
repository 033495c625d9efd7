export const isolations = ["read committed", "repeatable read", "serializable"] as const;

/** The isolation levels of PostgreSQL. */
export type Isolation = (typeof isolations)[number];

/**
 * What a unit of work needs from a database driver. `@acme/domain-events/knex` and `/pg` export one each. An adapter of
 * your own has to pass the same conformance suite.
 *
 * @throws from its methods the driver's errors as they are: their codes decide whether a unit runs again. After an error of
 * `begin`, no connection is held.
 */
export interface TransactionAdapter<out Tx> {
  /** The pool or client underneath. A unit inside another unit joins it if both have the same one. */
  readonly database: object;
  /** Checks out a connection and begins. When it rejects, the connection is back in the pool, or closed. */
  begin(options: BeginOptions): Promise<Transaction<Tx>>;
  /**
   * Makes a `tx` of this adapter from the {@link Transaction.handle} of another adapter's transaction. It is called
   * when work joins a unit that another adapter over the same `database` has begun. Returns `undefined` if it cannot.
   * If the method is left out, only units of this very adapter can be joined.
   */
  adopt?(handle: unknown): Promise<Tx | undefined> | Tx | undefined;
  /**
   * Sends what a `tx` of this adapter still keeps in memory. It is called for each `tx` of a unit, also for those that
   * {@link adopt} has made: when the work and each `beforeCommit` handler has ended, and where a savepoint begins and
   * ends. If it rejects, the unit or the savepoint is rolled back.
   */
  beforeCommit?(tx: Tx): unknown;
}

/** How a transaction is begun. */
export interface BeginOptions {
  readonly isolation?: Isolation | undefined;
  /** A statement to send right behind BEGIN, in the same message if the driver can do that. */
  readonly mark?: string | undefined;
  /**
   * Is told of each statement that the work sends. If it is left out, the transaction has no work, and only
   * {@link Transaction.query} is used.
   */
  readonly watch?: TransactionWatch | undefined;
  /**
   * Aborted when the unit no longer waits for the transaction. A connection that the pool hands out after that goes
   * back as it is. A connection that has not answered BEGIN yet is closed, since it may never answer. If an adapter
   * ignores the signal, a transaction that begins too late is rolled back.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called when a connection is checked out and BEGIN is about to be sent. The wait for the pool is not limited. */
  readonly onConnection?: (() => void) | undefined;
}

/**
 * What an adapter reports about the statements that the work sends by itself, through `tx`.
 *
 * @throws Nothing, but for `sending`.
 */
export interface TransactionWatch {
  /**
   * Called before a statement is sent, in the asynchronous context of its sender. If it throws, the statement is not
   * sent and fails with that error.
   */
  sending(text: string | undefined): void;
  /**
   * Called with the driver's result of a statement, which has the command tag as `command`, or with a list of results
   * if the text had several statements. `text` is what was sent, if there was a text. If a tag says that a savepoint
   * was set and the text does not, the unit is rolled back.
   */
  answered(result: unknown, text: string | undefined): void;
  /** Called with the error of a statement, as the driver made it, and the text that failed. */
  failed(error: unknown, text?: string): void;
  /**
   * Called with each notice of the server from BEGIN to the answer to COMMIT, also for statements of the unit itself.
   */
  noticed(notice: unknown): void;
}

/**
 * One running transaction and its connection. Savepoints are statements like any other, so an adapter does nothing for
 * them. None of the functions needs `this`, so an adapter on top of another one may copy the object and replace
 * {@link tx}.
 *
 * @throws from `query` and `commit` the driver's errors; nothing from the others.
 */
export interface Transaction<out Tx> {
  /**
   * What the work gets. It must tell the watch of each statement, and refuse statements once the transaction has ended.
   */
  readonly tx: Tx;
  /** The driver's own object below {@link tx}, for other adapters over the same pool. */
  readonly handle?: unknown;
  /** The physical connection: the same object whenever it is the same session. */
  readonly connection?: object;
  /** Whether the server still has to answer something that was sent before. If it is left out: no. */
  isBusy?(): boolean;
  /** Runs one statement with `$1` placeholders. May be called while an earlier statement is still running. */
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
  /**
   * Sends COMMIT and resolves with the command tag of the server's answer, which is the only proof of a commit. Settles
   * when the connection is back in the pool.
   *
   * @throws {@link DomainEventsError} if it is certain that nothing was committed; otherwise the driver's error.
   */
  commit(): Promise<string>;
  /**
   * Sends a statement and COMMIT back to back, as two messages. They must not be one message: its answers would arrive,
   * or be lost, together. Statements sent after it are refused.
   *
   * Returns `undefined`, and sends nothing, if something else is running on the connection. Then, or if the method is
   * left out, the unit awaits the statement before it sends COMMIT, which costs a round trip.
   */
  pipelineCommit?(text: string): PipelinedCommit | undefined;
  /**
   * Rolls back, or closes a connection that no longer answers. Settles in bounded time, with the connection back in the
   * pool. Never rejects, since the caller needs to see the reason for the rollback rather than an error of it.
   */
  rollback(reason: unknown): Promise<void>;
  /** Closes the connection at once, so that every pending query on it rejects. */
  abandon(reason: Error): void;
}

/** The two answers that {@link Transaction.pipelineCommit} waits for. */
export interface PipelinedCommit {
  /** The answer to the statement. It settles as soon as the answer arrives, without waiting for {@link tag}. */
  readonly answer: ReturnType<Transaction<unknown>["query"]>;
  /** The answer to COMMIT, as {@link Transaction.commit} resolves with it. */
  readonly tag: Promise<string>;
}
