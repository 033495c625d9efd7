/** What went wrong, as a literal a program can compare. */
export type LocalPostgresErrorCode =
  | "PLATFORM_UNSUPPORTED"
  | "BINARIES_MISSING"
  | "BINARIES_UNREACHABLE"
  | "NO_UNPRIVILEGED_USER"
  | "DATABASE_NAME_INVALID"
  | "DATABASE_NOT_CREATED"
  | "DATA_DIR_FOREIGN"
  | "DATA_DIR_IN_USE"
  | "DATA_DIR_INCOMPATIBLE"
  | "DATA_DIR_NOT_A_CLUSTER"
  | "DATA_DIR_NOT_WRITABLE"
  | "DATA_DIR_UNREACHABLE"
  | "INITDB_FAILED"
  | "PORT_TAKEN"
  | "STILL_STOPPING"
  | "START_FAILED";

/** The one error of this package: `code` says which of its faults it is, the message says what to do about it. */
export class LocalPostgresError extends Error {
  override readonly name = "LocalPostgresError";
  readonly code: LocalPostgresErrorCode;

  constructor(code: LocalPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The file system's own word for what went wrong (`ENOENT`), where there is one. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
