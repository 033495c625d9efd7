import type { ScheduleInfo } from "../../admin/schedule-list.ts";
import type { Timing } from "../../schedule/ticks.ts";

/** For example `30 2 * * * (Europe/Berlin)`. */
export function describeTiming(timing: Timing): string {
  if ("cron" in timing) return `${timing.cron} (${timing.timeZone})`;
  if ("everyMinutes" in timing) return timing.everyMinutes === 1 ? "every minute" : `every ${timing.everyMinutes} min`;
  return `once, ${timing.at}`;
}

/** The one that an operator has to know first. */
export function stateOfSchedule({ pausedAt, failure, isDeclared, nextAt }: ScheduleInfo): string {
  if (pausedAt !== null) return "paused";
  if (nextAt === null) return "ended";
  if (!isDeclared) return "no worker";
  return failure === null ? "active" : "failing";
}
