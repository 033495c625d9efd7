/**
 * Where the package writes its log: fields first, then the message, as pino does it. A pino logger fits as it is.
 *
 * Lines carry task names, job ids, attempts and errors; never a payload.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const ignore = () => undefined;

/** Warnings and errors to the console, nothing else: the default where no logger is given. */
export const consoleLogger: Logger = {
  debug: ignore,
  info: ignore,
  // oxlint-disable-next-line no-console -- the default must be seen somewhere
  warn: (fields, message) => console.warn(message, fields),
  // oxlint-disable-next-line no-console -- the default must be seen somewhere
  error: (fields, message) => console.error(message, fields),
};
