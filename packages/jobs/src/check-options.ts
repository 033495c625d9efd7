import { JobsError } from "./errors.ts";

/** The longest that a timer of Node can wait, about 24 days. */
export const longestTimerMs = 2 ** 31 - 1;

/** @throws {@link JobsError} `OPTIONS_INVALID` for a number that is none, or out of its range; `undefined` fits. */
export function checkNumber(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (typeof value === "number" && value >= least && value <= most)) return;
  throw new JobsError("OPTIONS_INVALID", `"${name}" is a number from ${least} to ${most}.`);
}
