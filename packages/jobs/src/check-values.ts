import { checkCount } from "./check-options.ts";
import { JobsError } from "./errors.ts";

const longestText = 1_000;

/** @throws {@link JobsError} `OPTIONS_INVALID` for a limit that is out of range. */
export function checkLimit(limit: number): void {
  checkCount("limit", limit, [1, 1_000]);
}

/** @throws {@link JobsError} `OPTIONS_INVALID` for a text that PostgreSQL cannot store, or that is too long. */
export function checkText(name: string, value: unknown): void {
  const isText =
    typeof value === "string" &&
    value.length >= 1 &&
    value.length <= longestText &&
    !value.includes("\0") &&
    value.isWellFormed();
  if (value !== undefined && !isText) throw invalid(`"${name}" must be a text of 1 to ${longestText} characters.`);
}

/** @throws {@link JobsError} `OPTIONS_INVALID` for anything else than a time from 1970 to 9999. */
export function checkTime(name: string, value: unknown): void {
  const isTime = value instanceof Date && value.getTime() >= 0 && value.getUTCFullYear() <= 9999;
  if (value !== undefined && !isTime) throw invalid(`"${name}" must be a Date from 1970 to 9999.`);
}

export function invalid(message: string): JobsError {
  return new JobsError("OPTIONS_INVALID", message);
}
