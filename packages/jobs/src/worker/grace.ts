/** The last heartbeat of a pool, with its time as text from the table. */
export interface StoredHeartbeat {
  readonly poolId: string;
  readonly heartbeat: string;
}

/**
 * The time in which a worker considers no other worker dead. After it has missed heartbeats itself, other workers may have missed
 * theirs for the same reason.
 */
export interface Grace {
  /** A heartbeat is about to be sent, over the same connection as before (`isConnected`) or a new one. */
  beginBeat(options: { readonly isConnected: boolean }): void;
  /** The heartbeat was sent, or has failed. */
  endBeat(options: { readonly isGiven: boolean }): void;
  readonly isOver: boolean;
  /**
   * Call it with all heartbeats while the grace is not over. Returns those that have not changed for as long as a
   * living worker may
   * need to come back: their workers are dead. The time is added up over all breaks. Otherwise a server that goes down again and
   * again would put off the recovery for ever.
   */
  unchangedAmong(heartbeats: readonly StoredHeartbeat[]): StoredHeartbeat[];
}

/**
 * After a failure that ends the connections of all workers, a living worker may wait in a heartbeat for `longestBeatMs` before it
 * tries again. Without the grace, the first worker that is back would consider it dead.
 */
export function createGrace(
  { deadAfterMs, longestBeatMs }: { readonly deadAfterMs: number; readonly longestBeatMs: number },
  now: () => number = () => performance.now(),
): Grace {
  const returnMs = Math.max(deadAfterMs, longestBeatMs + 1_000);
  let lastBeatAt: number | undefined;
  let isFresh = true;
  let overAt = -Infinity;
  /** For how long this worker was connected while it watched the heartbeats. */
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
