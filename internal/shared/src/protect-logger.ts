import { isPromise } from "node:util/types";
import type { Logger, LogLevel } from "./logger.ts";

/**
 * The one place through which a package logs. A logger that throws or rejects, such as one whose transport has ended, or one that cannot bear what a
 * handler or a task has thrown, stops nothing: what it did not take goes to the other one.
 */
export function protectLogger(logger: Logger, other: Logger): Logger {
  const log = (level: LogLevel) => (fields: object, message: string) => {
    const write = (to: Logger, onFailed: () => void): void => {
      try {
        // An async function fits the type, too.
        const outcome: unknown = to[level](fields, message);
        if (isPromise(outcome)) outcome.catch(onFailed);
      } catch {
        onFailed();
      }
    };
    write(logger, () => write(other, () => undefined));
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}
