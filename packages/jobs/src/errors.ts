/** Every code a {@link JobsError} can carry. `docs/errors.md` has a paragraph for each. */
export type JobsErrorCode =
  | "TASK_INVALID"
  | "TASK_DUPLICATE"
  | "TASK_UNKNOWN"
  | "RETRY_INVALID"
  | "PAYLOAD_INVALID"
  | "ENQUEUE_INVALID"
  | "KEY_CONTENDED"
  | "TRANSACTION_INVALID"
  | "CONNECTION_INVALID"
  | "CONNECTION_MISSING"
  | "POOL_TOO_SMALL"
  | "DATABASE_UNSUPPORTED"
  | "POOLER_UNSUPPORTED"
  | "MIGRATION_MISSING"
  | "MIGRATION_NEWER"
  | "NODE_UNSUPPORTED"
  | "JOBS_DATABASE_REFUSED"
  | "JOBS_DATABASE_UNREACHABLE"
  | "GRAPHILE_WORKER_OLDER"
  | "GRAPHILE_WORKER_UNKNOWN"
  | "HANDLER_INVALID"
  | "ATTEMPT_TIMEOUT"
  | "WORKER_DIED"
  | "WORKER_STOPPING"
  | "STOP_INCOMPLETE"
  | "WORKER_FAILED"
  | "OPTIONS_INVALID"
  | "OUTBOX_MISSING"
  | "DEAD_LETTER_MISSING"
  | "DEAD_LETTER_SUPERSEDED"
  | "JOB_MISSING"
  | "JOB_LOCKED"
  | "JOB_SEARCH_TIMEOUT"
  | "SCHEDULE_INVALID"
  | "SCHEDULE_MISSING"
  | "SCHEDULE_DECLARED"
  | "DRAIN_INCOMPLETE"
  | "STATE_NOT_REACHED"
  | "NOT_IN_MEMORY"
  | "CLOSED";

/**
 * The class of every error of `@acme/jobs`. It has a literal `code` to branch on, and a message that says what happened,
 * why, and what to do. The message never contains a payload, a parameter or a connection string. The original error is
 * the `cause`.
 */
export class JobsError extends Error {
  static {
    // A bundler may make it a class without a name.
    Object.defineProperty(this, "name", { value: "JobsError", configurable: true });
  }

  override readonly name: string = "JobsError";
  readonly code: JobsErrorCode;

  constructor(code: JobsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
