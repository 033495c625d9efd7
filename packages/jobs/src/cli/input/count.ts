import { UsageError } from "../usage-error.ts";

/**
 * Reads a whole number from `least` to `most`.
 *
 * @throws {@link UsageError}
 */
export function parseCount(least: number, most: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (/^-?\d+$/.test(text) && count >= least && count <= most) return count;
    throw new UsageError(`"${text}" is not a whole number from ${least} to ${most}.`);
  };
}
