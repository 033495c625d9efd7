/** A heartbeat as it stands in the table, as text. */
export interface StoredHeartbeat {
  readonly poolId: string;
  readonly heartbeat: string;
}

/** For how long a worker takes nobody for dead, since what it has missed itself others may have missed as well. */
export interface Grace {
  /** A heartbeat is about to be given, over a new connection or the one before. */
  beginBeat(options: { readonly isConnected: boolean }): void;
  /** It was given, or was not. */
  endBeat(options: { readonly isGiven: boolean }): void;
  readonly isOver: boolean;
  /**
   * Told of all heartbeats while it is not over. Those that have stayed as they are for as long as anybody needs to come back are of the dead: the
   * time counts together over any number of breaks, or a server that falls again and again would put off their jobs for ever.
   */
  unchangedAmong(heartbeats: readonly StoredHeartbeat[]): StoredHeartbeat[];
}

/**
 * After what has ended the connections of all, a worker that lives may hang in a beat for `longestBeatMs` before it tries again; the first that is
 * back would take it for dead.
 */
export function createGrace(
  { deadAfterMs, longestBeatMs }: { readonly deadAfterMs: number; readonly longestBeatMs: number },
  now: () => number = () => performance.now(),
): Grace {
  const returnMs = Math.max(deadAfterMs, longestBeatMs + 1_000);
  let lastBeatAt: number | undefined;
  let isFresh = true;
  let overAt = -Infinity;
  /** For how long it was connected while it looked. */
  let lookedMs = 0;
  let lookedAt: number | undefined;
  let seen = new Map<string, { readonly heartbeat: string; readonly sinceMs: number }>();

  return {
    beginBeat({ isConnected }) {
      const isLate = lastBeatAt !== undefined && now() - lastBeatAt > deadAfterMs;
      if (isConnected && !isLate) return;
      lookedAt = undefined;
      overAt = now() + (isFresh ? deadAfterMs : returnMs);
    },
    endBeat({ isGiven }) {
      isFresh = false;
      if (isGiven) lastBeatAt = now();
    },
    get isOver() {
      return now() >= overAt;
    },
    unchangedAmong(signs) {
      lookedMs += now() - (lookedAt ?? now());
      lookedAt = now();
      const known = seen;
      seen = new Map();
      return signs.filter(({ poolId, heartbeat }) => {
        const before = known.get(poolId);
        const sinceMs = before?.heartbeat === heartbeat ? before.sinceMs : lookedMs;
        seen.set(poolId, { heartbeat, sinceMs });
        return lookedMs - sinceMs >= returnMs;
      });
    },
  };
}
