import type { Backfill } from "./schedule.ts";
import { lastTickUntil, tickAfter, ticksUntil, type Timing } from "./ticks.ts";

/** Enqueued in one transaction, which must not become long. The others follow at once. */
const mostAtOnce = 100;
/** A worker that was held up for a moment is still on time. */
const onTimeMs = 60_000;

/** Ticks that are to be enqueued, and where to go on. */
export interface DueTicks {
  readonly ticks: readonly Date[];
  /** The first tick that has not been dealt with. */
  readonly nextAt: Date | undefined;
  /** The last one that has, also if it is left out. */
  readonly lastAt: Date | undefined;
}

/** What a schedule stands at, by the clock of the server. */
export interface Standing {
  readonly now: Date;
  readonly nextAt: Date | undefined;
  readonly lastTickAt: Date | undefined;
}

/** Which ticks are due, after those are left out that nobody makes up for. */
export function dueTicks(timing: Timing, backfill: Backfill, { now, nextAt, lastTickAt }: Standing): DueTicks {
  // A tick that has been enqueued never comes again, whatever the row says: two workers may declare other times at once.
  const first =
    nextAt !== undefined && lastTickAt !== undefined && nextAt <= lastTickAt ? tickAfter(timing, lastTickAt) : nextAt;
  if (first === undefined || first > now) return { ticks: [], nextAt: first, lastAt: undefined };
  if (backfill === "all") {
    const ticks = ticksUntil(timing, { first, last: now, limit: mostAtOnce });
    const last = ticks.at(-1) ?? first;
    return { ticks, nextAt: tickAfter(timing, last), lastAt: last };
  }
  const last = lastTickUntil(timing, { first, last: now });
  const isMissed = backfill === "none" && now.getTime() - last.getTime() > onTimeMs;
  return { ticks: isMissed ? [] : [last], nextAt: tickAfter(timing, last), lastAt: last };
}
