import { UsageError } from "../usage-error.ts";
import { looksLikeDuration, parseDuration } from "./duration.ts";

const isoTime = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/**
 * A time in the past, as a duration before now (`2h`) or in ISO format. Without an offset it is local time.
 *
 * @throws {@link UsageError}
 */
export function parsePastTime(text: string, now = Date.now()): Date {
  return looksLikeDuration(text) ? new Date(now - parseDuration(text)) : parseIsoTime(text);
}

/**
 * A time in the future, as a duration from now on (`2h`) or in ISO format. Without an offset it is local time.
 *
 * @throws {@link UsageError}
 */
export function parseFutureTime(text: string, now = Date.now()): Date {
  return looksLikeDuration(text) ? new Date(now + parseDuration(text)) : parseIsoTime(text);
}

function parseIsoTime(text: string): Date {
  // A date alone would be taken as one of UTC, other than a date with a time.
  const time = new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text);
  if (isoTime.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new UsageError(`"${text}" is not a time. Write a duration such as 2h, or 2026-11-21T13:00.`);
}
