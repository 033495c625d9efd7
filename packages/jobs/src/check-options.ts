import { JobsError, type JobsErrorCode } from "./errors.ts";

/** The longest that a timer of Node can wait, about 24 days. */
export const longestTimerMs = 2 ** 31 - 1;

/** The least and the most that fits. */
export type Range = readonly [least: number, most: number];

/** @throws {@link JobsError} `OPTIONS_INVALID` for a number that is none, or out of its range; `undefined` fits. */
export function checkNumber(name: string, value: number | undefined, [least, most]: Range): void {
  if (value === undefined || (typeof value === "number" && value >= least && value <= most)) return;
  throw new JobsError("OPTIONS_INVALID", `"${name}" is a number from ${least} to ${most}.`);
}

/** The same for what is counted. @throws {@link JobsError} `OPTIONS_INVALID`. */
export function checkCount(name: string, value: number | undefined, range: Range): void {
  if (value !== undefined && !Number.isInteger(value))
    throw new JobsError("OPTIONS_INVALID", `"${name}" is a whole number from ${range[0]} to ${range[1]}.`);
  checkNumber(name, value, range);
}

export interface KnownNames {
  /** Whose options they are; the error message begins with it. */
  readonly what: string;
  readonly known: readonly string[];
  readonly code?: JobsErrorCode;
}

/**
 * Refuses an option that does not exist: a typing error would leave the default in its place, and nobody would know. Types see it only in a literal.
 *
 * @throws {@link JobsError} with `code`.
 */
export function checkNames(options: object, { what, known, code = "OPTIONS_INVALID" }: KnownNames): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new JobsError(
      code,
      `${what} has no option "${name.slice(0, 64)}". It has ${known.map((each) => `"${each}"`).join(", ")}.`,
    );
  }
}

/** The names of all properties, checked against the type. */
export function namesOf<Options>(names: Readonly<Record<keyof Options, true>>): readonly string[] {
  return Object.keys(names);
}
