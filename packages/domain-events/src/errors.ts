/** What went wrong, as a literal that a program can switch over. Every code has a paragraph in docs/errors.md. */
export type DomainEventsErrorCode =
  | "ADAPTER_INVALID"
  | "AGGREGATE_INVALID"
  | "AGGREGATE_TRACKED"
  | "COMMIT_OUTCOME_UNKNOWN"
  | "DATABASE_UNSUPPORTED"
  | "EVENT_CLASS_INVALID"
  | "EVENT_INVALID"
  | "EVENT_LOOP"
  | "EVENT_NAME_INVALID"
  | "EVENT_NAME_TAKEN"
  | "HANDLERS_FAILED"
  | "HANDLER_INVALID"
  | "HANDLER_TIMEOUT"
  | "JOINED_ADAPTER"
  | "JOINED_OPTIONS"
  | "NEEDS_UNIT_OF_WORK"
  | "IDEMPOTENCY_KEYS_MISSING"
  | "IDEMPOTENCY_KEY_INVALID"
  | "OPTIONS_INVALID"
  | "PUBLISH_ENDED"
  | "RUN_OPEN"
  | "SAVEPOINT_DOOMED"
  | "SAVEPOINT_ENDED"
  | "SAVEPOINT_OPEN"
  | "SCHEMA_ASYNC"
  | "STOPPED"
  | "TEST_TRANSACTION_BUSY"
  | "TRANSACTION_ABORTED"
  | "TRANSACTION_LEFT_OPEN"
  | "TRANSACTION_OWNED"
  | "UNIT_DOOMED"
  | "UNIT_ENDED";

/**
 * The base class of every error that this package makes.
 *
 * Compare {@link DomainEventsError.code} rather than use `instanceof`: the ESM and the CJS build have the same codes,
 * but not the same classes. Messages name event types and handlers, never the properties of an event.
 */
export class DomainEventsError extends Error {
  // The name is written out, here and below, because bundlers rename classes.
  override readonly name: string = "DomainEventsError";
  readonly code: DomainEventsErrorCode;

  constructor(code: DomainEventsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** One handler that failed on one event. */
export interface HandlerFailure {
  readonly event: object;
  /** The handler's function name, or the task of a durable handler. */
  readonly handler: string;
  readonly error: unknown;
}

/**
 * Some handlers failed. All handlers ran, and each failure has been logged already.
 *
 * If a unit of work rejects with this error, {@link HandlersFailedError.committed} is true: the data is stored, and
 * `result` is what the work returned.
 */
export class HandlersFailedError extends DomainEventsError {
  override readonly name: string = "HandlersFailedError";
  readonly failures: readonly HandlerFailure[];
  readonly committed: boolean;
  readonly result: unknown;

  constructor(failures: readonly HandlerFailure[], unit?: { readonly result: unknown }) {
    const names = [...new Set(failures.map((failure) => failure.handler))].join(", ");
    const outcome = unit ? " The unit of work itself is committed: do not run it again." : "";
    super("HANDLERS_FAILED", `${failures.length} event handler run(s) failed: ${names}.${outcome} See \`failures\`.`, {
      cause: failures[0]?.error,
    });
    this.failures = failures;
    this.committed = unit !== undefined;
    this.result = unit?.result;
  }
}

/** Handlers kept recording events that led to further events, in one long chain or in very many chains. */
export class EventLoopError extends DomainEventsError {
  override readonly name: string = "EventLoopError";
  /** The event types, each recorded by a handler of the one before it. */
  readonly chain: readonly string[];

  /** @param leadingBack how many events led back to their own class, if that is the reason. */
  constructor(chain: readonly string[], leadingBack?: number) {
    const branches = leadingBack === undefined ? "" : `more than ${leadingBack} led back to their own type, and `;
    const end = chain.slice(-6).join(" → ");
    super(
      "EVENT_LOOP",
      `Events keep recording events: ${branches}a chain of ${chain.length} ends in ${end}. Break the circle in one of their handlers.`,
    );
    this.chain = chain;
  }
}

/** The transaction did not commit, although the work had not thrown. Nothing is stored and nothing was published. */
export class TransactionAbortedError extends DomainEventsError {
  override readonly name: string = "TransactionAbortedError";

  constructor(reason: string, advice: string, options?: ErrorOptions) {
    super("TRANSACTION_ABORTED", `${reason} Nothing is stored and nothing was published. ${advice}`, options);
  }

  // `new this` rather than the name of the class: the build renames a class that refers to itself by name.
  static swallowed(reason: string, options?: ErrorOptions): TransactionAbortedError {
    const advice = "Look for a query error that was caught and swallowed, or wrap what may fail in savepoint().";
    return new this(reason, advice, options);
  }

  static lost(cause: unknown): TransactionAbortedError {
    return new this("The connection was lost before COMMIT was sent.", "The work may run again.", { cause });
  }

  static notSent(cause: unknown): TransactionAbortedError {
    return new this("COMMIT could not be sent.", "Look for a listener of the driver that throws.", { cause });
  }
}

/**
 * COMMIT was sent, and it is unknown whether the data is, or stays, stored. One of these is the reason:
 *
 * - the connection was lost, and the database could not be asked in time;
 * - a crash or failover has made the transaction's id useless as a proof;
 * - the wait for a synchronous standby was cancelled.
 *
 * In-process handlers did not run. The jobs of durable handlers are stored if and only if the data is.
 *
 * @example
 * try {
 *   await registerUser(unitOfWork, email);
 * } catch (error) {
 *   if (!(error instanceof CommitOutcomeUnknownError)) throw error;
 *   logger.warn({ transactionId: error.transactionId }, "look whether the user is there");
 * }
 */
export class CommitOutcomeUnknownError extends DomainEventsError {
  override readonly name: string = "CommitOutcomeUnknownError";
  /**
   * The id of the transaction, for `pg_xact_status()`, if it is known. After a crash or failover PostgreSQL may have
   * given the same id to another transaction.
   */
  readonly transactionId: string | undefined;

  constructor(
    transactionId: string | undefined,
    cause: unknown,
    reason = "The connection was lost during COMMIT, and the database could not say whether it took place.",
  ) {
    super(
      "COMMIT_OUTCOME_UNKNOWN",
      `${reason} Check the data before running the work again, or run it with runOnce() so that a second run is harmless.`,
      { cause },
    );
    this.transactionId = transactionId;
  }

  static unreplicated(transactionId: string | undefined): CommitOutcomeUnknownError {
    const reason =
      "PostgreSQL committed, but the wait for its synchronous standby was cancelled, and a failover would take the data away.";
    return new this(transactionId, undefined, reason);
  }
}
