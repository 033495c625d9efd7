/**
 * The logger that the package writes to. Fields come first, then the message, as in pino. A pino logger fits as it is.
 *
 * Log lines have names, ids, attempts and errors, but never a payload.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type LogLevel = keyof Logger;
