/**
 * The logger that the package writes to. Fields come first, then the message, as in pino. A pino logger fits as it is.
 *
 * Log lines have names, ids, attempts and errors, but never a payload.
 *
 * @throws Nothing, if it is well made. What a logger throws disturbs no job and no commit.
 */
export interface Logger {
  /** Details that help to develop. */
  debug(fields: object, message: string): void;
  /** What is as it should be: a start, a stop, a job that is done. */
  info(fields: object, message: string): void;
  /** What is repeated or mended by itself: a failed attempt, a lost connection. */
  warn(fields: object, message: string): void;
  /** What a person should look at: a dead letter, a failed handler, a worker that gives up. */
  error(fields: object, message: string): void;
}

export type LogLevel = keyof Logger;
