/**
 * Where the package writes its log: fields first, then the message, as pino does it. A pino logger fits as it is.
 *
 * Lines carry names, ids, attempts and errors; never a payload.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type LogLevel = keyof Logger;
