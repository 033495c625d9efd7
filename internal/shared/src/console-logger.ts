import type { Logger, LogLevel } from "./logger.ts";

const ignore = (): void => undefined;

/** Logs the given levels to the console, and drops the others. It is the default if no logger is given. */
export function createConsoleLogger(levels: readonly PrintedLevel[]): Logger {
  const printed = Object.fromEntries(levels.map((level) => [level, printAs(level)]));
  return { debug: ignore, info: ignore, warn: ignore, error: ignore, ...printed };
}

type PrintedLevel = Extract<LogLevel, "warn" | "error">;

function printAs(level: PrintedLevel) {
  return (fields: object, message: string): void => {
    const { err, ...rest } = fields as { readonly err?: unknown };
    const shown = "err" in fields ? [rest, shownError(err)] : [rest];
    // oxlint-disable-next-line no-console -- without a logger this is the only place left to report to.
    console[level](message, ...shown);
  };
}

/** Shows only the stack, since errors of the database have rows in their properties. */
function shownError(error: unknown): string {
  try {
    return String(error instanceof Error ? (error.stack ?? error.message) : error);
  } catch {
    return "(a value that cannot be shown)";
  }
}
