import { unknownOption } from "@acme/shared/unknown-option";
import { JobsError, type JobsErrorCode } from "./errors.ts";

/** The longest time that a timer of Node can wait, about 24 days. */
export const longestTimerMs = 2 ** 31 - 1;

/** The least and the greatest allowed value. */
export type Range = readonly [least: number, most: number];

/**
 * @throws {@link JobsError} `OPTIONS_INVALID` for a value that is not a number, or out of its range. `undefined` is
 * allowed.
 */
export function checkNumber(name: string, value: number | undefined, [least, most]: Range): void {
  if (value === undefined || (typeof value === "number" && value >= least && value <= most)) return;
  throw new JobsError("OPTIONS_INVALID", `"${name}" must be a number from ${least} to ${most}.`);
}

/** The same for a whole number. @throws {@link JobsError} `OPTIONS_INVALID`. */
export function checkCount(name: string, value: number | undefined, range: Range): void {
  if (value !== undefined && !Number.isInteger(value))
    throw new JobsError("OPTIONS_INVALID", `"${name}" must be a whole number from ${range[0]} to ${range[1]}.`);
  checkNumber(name, value, range);
}

export interface KnownNames {
  /** What the options belong to. The error message begins with it. */
  readonly what: string;
  readonly known: readonly string[];
  readonly code?: JobsErrorCode;
}

/**
 * Refuses an option that does not exist.
 * @throws {@link JobsError} with `code`.
 */
export function checkNames(options: object, { what, known, code = "OPTIONS_INVALID" }: KnownNames): void {
  const message = unknownOption(what, options, known);
  if (message !== undefined) throw new JobsError(code, message);
}

export { namesOf } from "@acme/shared/unknown-option";
