import { UsageError } from "../usage-error.ts";

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const longestMs = 100 * 365 * 86_400_000;

/**
 * Milliseconds of a text such as `90s`, `10min`, `2h`, `7d`, also of several together: `1h30min`.
 *
 * @throws {@link UsageError}
 */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?) ?(ms|s|min|m|h|d|w)(?![a-z]) ?/gy)];
  const isWhole = parts.length > 0 && parts.reduce((length, [part]) => length + part.length, 0) === text.length;
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ""] ?? NaN), 0);
  if (isWhole && ms <= longestMs) return ms;
  throw new UsageError(`"${text}" is not a duration. Write 90s, 10min, 2h or 7d.`);
}

/** Whether the text is meant as a duration rather than a time. */
export function looksLikeDuration(text: string): boolean {
  return /^\d+(?:\.\d+)? ?[a-z]/.test(text);
}
