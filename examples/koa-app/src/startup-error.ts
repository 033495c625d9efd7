/** Something the person who starts a command can mend. Commands print its message as it is and exit with code 1. */
export class StartupError extends Error {
  override readonly name = "StartupError";
  readonly code: StartupErrorCode;

  constructor(code: StartupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type StartupErrorCode =
  | "SETTINGS_INVALID"
  | "DATABASE_REFUSED"
  | "MIGRATION_MISSING"
  | "MIGRATION_UNKNOWN"
  | "PORT_TAKEN"
  | "LOCAL_SERVICES_MISSING"
  | "SECRET_NOT_KEPT";
