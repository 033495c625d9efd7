import { Cron } from "croner";

/** When the ticks of a schedule are: one of three. It survives JSON. */
export type Timing =
  { readonly cron: string; readonly timeZone: string } | { readonly everyMinutes: number } | { readonly at: string };

/** Parsed once, because a schedule is asked for its next tick again and again. */
const crons = new WeakMap<Timing, Cron>();

const minuteMs = 60_000;

/** The first tick after a time, or `undefined` if there is none. */
export function tickAfter(timing: Timing, after: Date): Date | undefined {
  if ("cron" in timing) return cronOf(timing).nextRun(after) ?? undefined;
  if ("everyMinutes" in timing) {
    const everyMs = timing.everyMinutes * minuteMs;
    return new Date((Math.floor(after.getTime() / everyMs) + 1) * everyMs);
  }
  const at = new Date(timing.at);
  return at > after ? at : undefined;
}

/** The ticks from one that is known to a time, both included. At most `limit`. */
export function ticksUntil(timing: Timing, { first, last, limit }: TickRange): Date[] {
  const ticks: Date[] = [];
  for (let tick: Date | undefined = first; tick !== undefined && tick <= last; tick = tickAfter(timing, tick)) {
    ticks.push(tick);
    if (ticks.length === limit) break;
  }
  return ticks;
}

/** The last tick that is not later than a time, of those from one that is known. */
export function lastTickUntil(timing: Timing, { first, last }: Omit<TickRange, "limit">): Date {
  if ("cron" in timing) {
    // `previousRuns` looks for earlier ones only.
    const [tick] = cronOf(timing).previousRuns(1, new Date(last.getTime() + 1));
    return tick !== undefined && tick > first ? tick : first;
  }
  if ("everyMinutes" in timing) {
    const everyMs = timing.everyMinutes * minuteMs;
    return new Date(Math.max(first.getTime(), Math.floor(last.getTime() / everyMs) * everyMs));
  }
  return first;
}

interface TickRange {
  readonly first: Date;
  readonly last: Date;
  readonly limit: number;
}

/**
 * Five fields, as cron has them. As in Vixie cron, a pattern that names its hours and minutes comes once a day also where the
 * clock shows the hour twice or not at all.
 *
 * @throws TypeError or RangeError, with a message that says what is wrong.
 */
export function cronOf(timing: Extract<Timing, { cron: string }>): Cron {
  const { cron, timeZone } = timing;
  const known =
    crons.get(timing) ?? new Cron(cron, { timezone: timeZone, mode: "5-part", fixedTimeRule: "no-wildcard" });
  crons.set(timing, known);
  return known;
}
