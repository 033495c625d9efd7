import type { Logger } from "./logger.ts";

/** Failures must not be silent by default; everything else is. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error(fields, message) {
    const { err, ...rest } = fields as { err?: unknown };
    // oxlint-disable-next-line no-console -- without a logger this is the only place left to report to.
    console.error(message, rest, shown(err));
  },
};

/** The stack alone: database errors carry rows in their properties. */
function shown(error: unknown): string {
  try {
    return String(error instanceof Error ? (error.stack ?? error.message) : error);
  } catch {
    return "(a value that cannot be shown)";
  }
}
