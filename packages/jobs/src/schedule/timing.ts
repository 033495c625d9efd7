import { cronOf, tickAfter, type Timing } from "./ticks.ts";

/** When a schedule enqueues: one of three. */
export type ScheduleTimes =
  | {
      /**
       * Five fields: minute, hour, day of the month, month, day of the week. For example `"30 2 * * MON-FRI"`. `@daily` and the
       * like are known, and `L` for the last day of the month.
       */
      readonly cron: string;
      /** A name of the IANA time zone database, for example `"Europe/Berlin"`. Default: `"UTC"`. */
      readonly timeZone?: string;
      readonly every?: never;
      readonly at?: never;
    }
  | {
      /** Counted from 1970 in UTC, so that all workers mean the same times. Whole minutes, 1 to 525,600. */
      readonly every: { readonly minutes: number };
      readonly cron?: never;
      readonly timeZone?: never;
      readonly at?: never;
    }
  | {
      /** Once, from 1970 to 9999. A time that has passed when the schedule is first declared never comes. */
      readonly at: Date;
      readonly cron?: never;
      readonly timeZone?: never;
      readonly every?: never;
    };

/** Throws the error of the schedule. */
export type Refuse = (why: string) => never;

const mostMinutes = 525_600;

/** Checks the times of a schedule. */
export function timingOf({ cron, timeZone, every, at }: ScheduleTimes, refuse: Refuse): Timing {
  const given = [cron, every, at].filter((each) => each !== undefined);
  if (given.length !== 1) refuse("it needs exactly one of cron, every and at");
  if (timeZone !== undefined && cron === undefined) refuse("timeZone needs cron");
  if (cron !== undefined) return checkCron({ cron, timeZone: timeZone ?? "UTC" }, refuse);
  if (every !== undefined) return { everyMinutes: checkMinutes(every?.minutes, refuse) };
  const isTime = at instanceof Date && at.getTime() >= 0 && at.getUTCFullYear() <= 9999;
  return isTime ? { at: at.toISOString() } : refuse("at is not a Date between 1970 and 9999");
}

function checkMinutes(minutes: number, refuse: Refuse): number {
  const isCount = Number.isInteger(minutes) && minutes >= 1 && minutes <= mostMinutes;
  return isCount ? minutes : refuse(`every.minutes must be a whole number from 1 to ${mostMinutes}`);
}

function checkCron(timing: Extract<Timing, { cron: string }>, refuse: Refuse): Timing {
  if (!isTimeZone(timing.timeZone)) refuse(`"${timing.timeZone}" is no time zone that this Node knows`);
  if (typeof timing.cron !== "string") refuse("cron is not a text");
  let next: Date | undefined;
  try {
    cronOf(timing);
    next = tickAfter(timing, new Date());
  } catch (error) {
    refuse(`cron is not a pattern of five fields (${error instanceof Error ? error.message : String(error)})`);
  }
  return next === undefined ? refuse(`the time of "${timing.cron}" never comes`) : timing;
}

function isTimeZone(timeZone: unknown): boolean {
  if (typeof timeZone !== "string") return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
