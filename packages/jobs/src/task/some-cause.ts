const deepestCause = 5;

/**
 * Whether something is true of an error or of one of its causes. Looks at five of them at most, because causes may be
 * circular.
 */
export function someCause(error: unknown, isTrueOf: (error: object) => boolean): boolean {
  let current = error;
  for (let depth = 0; depth < deepestCause && typeof current === "object" && current !== null; depth++) {
    if (isTrueOf(current)) return true;
    current = (current as { cause?: unknown }).cause;
  }
  return false;
}
