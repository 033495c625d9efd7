/** What the bus needs of a logger; a pino logger is one. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Failures must not be silent by default; everything else is. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error(fields, message) {
    const { err, ...rest } = fields as { err?: unknown };
    // The stack alone: database errors carry rows in their properties.
    const shown = err instanceof Error ? (err.stack ?? err.message) : String(err);
    // oxlint-disable-next-line no-console -- without a logger this is the only place left to report to.
    console.error(message, rest, shown);
  },
};
