const deepestCause = 5;

/** Whether something is true of an error or of what has caused it, up to five deep: causes may go round in a circle. */
export function someCause(error: unknown, isTrueOf: (error: object) => boolean): boolean {
  let current = error;
  for (let depth = 0; depth < deepestCause && typeof current === "object" && current !== null; depth++) {
    if (isTrueOf(current)) return true;
    current = (current as { cause?: unknown }).cause;
  }
  return false;
}
