/** What went wrong, as a literal that a program can compare. See docs/errors.md for what to do. */
export type TestDatabaseErrorCode =
  | "BINARIES_MISSING"
  | "BINARIES_UNREACHABLE"
  | "CONNECTIONS_LEFT_OPEN"
  | "CREATE_DATABASE_DENIED"
  | "MIGRATE_FAILED"
  | "NO_UNPRIVILEGED_USER"
  | "OPTIONS_INVALID"
  | "PLATFORM_UNSUPPORTED"
  | "SERVER_FAILED"
  | "SERVER_UNREACHABLE";

/**
 * The one error of this package: `code` says which of its faults it is, the message what to do about it.
 *
 * @example
 * try {
 *   await createTestDatabase();
 * } catch (error) {
 *   // A machine for which npm has no PostgreSQL.
 *   if (!(error instanceof TestDatabaseError) || error.code !== "PLATFORM_UNSUPPORTED") throw error;
 * }
 */
export class TestDatabaseError extends Error {
  override readonly name = "TestDatabaseError";
  /** Which of the faults it is. */
  readonly code: TestDatabaseErrorCode;

  /** @internal */
  constructor(code: TestDatabaseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
