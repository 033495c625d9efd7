/** One deadline for all parts of a stop, which stop one after another. */
export interface StopDeadline {
  /** What is left of it. The first call starts it. */
  remainingMs(): number;
}

export function createStopDeadline(deadlineMs: number): StopDeadline {
  let endsAt: number | undefined;
  return {
    remainingMs() {
      endsAt ??= performance.now() + deadlineMs;
      return Math.max(0, Math.round(endsAt - performance.now()));
    },
  };
}
