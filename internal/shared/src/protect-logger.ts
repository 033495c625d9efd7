import { isPromise } from "node:util/types";
import type { Logger, LogLevel } from "./logger.ts";

/**
 * The package logs only through such a logger. If the application's logger throws or rejects, nothing stops, and the
 * line goes to the other logger. That happens if a transport has ended, or if the logger cannot print a thrown value.
 */
export function protectLogger(logger: Logger, other: Logger): Logger {
  const log = (level: LogLevel) => (fields: object, message: string) => {
    const write = (to: Logger, onFailed: () => void): void => {
      try {
        // A method that returns a promise fits the type, too.
        const outcome: unknown = to[level](fields, message);
        if (isPromise(outcome)) outcome.catch(onFailed);
      } catch {
        onFailed();
      }
    };
    write(logger, () => write(other, () => undefined));
  };
  const { child } = logger as { readonly child?: unknown };
  return {
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
    // For `childLogger`, which protects the child.
    ...(typeof child === "function" && { child: (fields: object): unknown => Reflect.apply(child, logger, [fields]) }),
  };
}
