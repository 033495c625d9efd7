/** For how long a worker takes nobody for dead, since what it has missed itself others may have missed as well. */
export interface Grace {
  /** A sign of life is about to be given, over a new connection or the one before. */
  beginBeat(options: { readonly isConnected: boolean }): void;
  /** It was given, or was not. */
  endBeat(options: { readonly isGiven: boolean }): void;
  readonly isOver: boolean;
}

/**
 * After what has ended the connections of all, a worker that lives may hang in a beat for `longestBeatMs` before it tries again; the first that is
 * back would take it for dead.
 */
export function createGrace(
  { deadAfterMs, longestBeatMs }: { readonly deadAfterMs: number; readonly longestBeatMs: number },
  now: () => number = () => performance.now(),
): Grace {
  const longestReturnMs = longestBeatMs + 1_000;
  let lastBeatAt: number | undefined;
  let isFresh = true;
  let overAt = -Infinity;

  return {
    beginBeat({ isConnected }) {
      const isLate = lastBeatAt !== undefined && now() - lastBeatAt > deadAfterMs;
      if (isConnected && !isLate) return;
      overAt = now() + (isFresh ? deadAfterMs : Math.max(deadAfterMs, longestReturnMs));
    },
    endBeat({ isGiven }) {
      isFresh = false;
      if (isGiven) lastBeatAt = now();
    },
    get isOver() {
      return now() >= overAt;
    },
  };
}
