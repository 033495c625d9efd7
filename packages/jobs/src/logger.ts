import { isPromise } from "node:util/types";

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

type Level = keyof Logger;

const ignore = () => undefined;

/** Warnings and errors to the console, nothing else: the default where no logger is given. */
export const consoleLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: (fields, message) => print("warn", fields, message),
  error: (fields, message) => print("error", fields, message),
};

/**
 * What the package logs through. A logger that throws or rejects, such as one whose transport has ended, or one that cannot bear what a
 * task has thrown, changes nothing for a job: what it did not take goes to the console.
 */
export function protectLogger(logger: Logger): Logger {
  const log = (level: Level) => (fields: object, message: string) => {
    const fail = () => attempt(consoleLogger, level, fields, message, ignore);
    attempt(logger, level, fields, message, fail);
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

function attempt(logger: Logger, level: Level, fields: object, message: string, fail: () => void): void {
  try {
    // An async function fits the type, too.
    const outcome: unknown = logger[level](fields, message);
    if (isPromise(outcome)) outcome.catch(fail);
  } catch {
    fail();
  }
}

function print(level: "warn" | "error", fields: object, message: string): void {
  const { err, ...rest } = fields as { readonly err?: unknown };
  const shown = "err" in fields ? [rest, shownError(err)] : [rest];
  // oxlint-disable-next-line no-console -- the default must be seen somewhere
  console[level](message, ...shown);
}

/** The stack alone: errors of a database carry rows in their properties. */
function shownError(error: unknown): string {
  try {
    return String(error instanceof Error ? (error.stack ?? error.message) : error);
  } catch {
    return "(a value that cannot be shown)";
  }
}
