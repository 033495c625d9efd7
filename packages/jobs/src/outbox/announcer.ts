import type { Pool } from "pg";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { withTimeout } from "@acme/shared/timeout";

/** What relays listen to. */
export const outboxChannel = "acme_jobs_outbox";

/** PostgreSQL lets one transaction at a time commit that has notified. */
const togetherMs = 5;
/** When a transaction that somebody else commits has most likely been committed. Later ones are found by the relays' poll. */
const laterMs = [10, 50, 250];
const longestDrainMs = 1_000;
/** One that hangs would keep all that follow from being sent. */
const longestSendMs = 5_000;

/** Wakes the relays of all processes, after the commit of what they are to find, and outside of it. */
export interface Announcer {
  /** Rows were committed. */
  committed(): void;
  /** Rows were written in a transaction of which nobody will tell how it ends. */
  written(): void;
  /** Announces what was not announced yet. */
  close(): Promise<void>;
}

/**
 * NOTIFY keeps other commits waiting, so it is sent by itself and for many rows at once: notified in the transactions that
 * write them, rows on 32 connections are committed half as fast.
 */
export function createAnnouncer(outbox: () => Pool): Announcer {
  const timers = new Map<number, NodeJS.Timeout>();
  let writtenAt = -Infinity;
  let sending: Promise<void> | undefined;

  const send = () => {
    sending ??= notify().finally(() => {
      sending = undefined;
    });
  };
  const notify = async () => {
    try {
      await withQueryTimeout(outbox(), longestSendMs).query(`notify ${outboxChannel}`);
    } catch {
      // Polling is the net.
    }
  };
  const plan = (afterMs: number, inMs = afterMs) => {
    if (timers.has(afterMs)) return;
    const timer = setTimeout(() => {
      timers.delete(afterMs);
      // Rows that were written in the meantime have their own time.
      const restMs = writtenAt + afterMs - performance.now();
      if (afterMs !== togetherMs && restMs >= 1) plan(afterMs, restMs);
      // What is on its way may have left before the commit that is announced now.
      if (sending === undefined) send();
      else plan(afterMs);
    }, inMs);
    timers.set(afterMs, timer.unref());
  };

  return {
    committed: () => plan(togetherMs),
    written: () => {
      writtenAt = performance.now();
      for (const afterMs of laterMs) plan(afterMs);
    },
    async close() {
      const isDue = timers.size > 0;
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      // A network that has gone silent keeps nobody from closing.
      await withTimeout(longestDrainMs, isDue ? notify() : (sending ?? Promise.resolve())).catch(() => undefined);
    },
  };
}
