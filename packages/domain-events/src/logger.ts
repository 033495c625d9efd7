import { isPromise } from "node:util/types";
import { consoleLogger } from "./console-logger.ts";

/** What the bus needs of a logger; a pino logger is one. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

type Level = keyof Logger;

/**
 * The one place through which a bus and its units of work log. A logger that throws or rejects, such as one whose
 * transport has ended, or one that cannot bear what a handler has thrown, stops nothing: what it did not take goes to the
 * console.
 */
export function protect(logger: Logger): Logger {
  const log = (level: Level, fields: object, message: string): void => {
    const failed = (): void => attempt(consoleLogger, level, fields, message, () => {});
    attempt(logger, level, fields, message, failed);
  };
  return {
    debug: (fields, message) => log("debug", fields, message),
    info: (fields, message) => log("info", fields, message),
    warn: (fields, message) => log("warn", fields, message),
    error: (fields, message) => log("error", fields, message),
  };
}

function attempt(logger: Logger, level: Level, fields: object, message: string, failed: () => void): void {
  try {
    // An async function fits the type, too.
    const outcome: unknown = logger[level](fields, message);
    if (isPromise(outcome)) outcome.catch(failed);
  } catch {
    failed();
  }
}
