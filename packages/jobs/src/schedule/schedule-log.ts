import type { Logger } from "@acme/shared/logger";
import type { EnqueuedTicks } from "./enqueue-ticks.ts";

/** Says what becomes of schedules. What lasts is said once. */
export function createScheduleLog(logger: Logger) {
  const said = new Map<string, string>();
  const once = (about: string, what: string, say: () => void) => {
    if (said.get(about) === what) return;
    said.set(about, what);
    say();
  };
  const database = "";

  return {
    enqueued(schedule: string, { jobIds, skippedCount }: EnqueuedTicks): void {
      said.delete(schedule);
      if (jobIds.length > 0) logger.debug({ schedule, count: jobIds.length }, "a schedule has enqueued jobs");
      if (skippedCount > 0)
        logger.debug({ schedule, count: skippedCount }, "a schedule has skipped ticks: an earlier job is not done");
    },
    failed(schedule: string, { failure, cause }: { readonly failure: string; readonly cause?: unknown }): void {
      once(schedule, failure, () => logger.error({ schedule, err: cause }, "a schedule cannot make its job"));
    },
    disputed(schedule: string): void {
      once(schedule, "disputed", () =>
        logger.warn({ schedule }, "another worker has declared the schedule differently since; its declaration counts"),
      );
    },
    hindered(error: unknown): void {
      once(database, String(error), () => logger.warn({ err: error }, "schedules have to wait; they are tried again"));
    },
    wentWell(): void {
      said.delete(database);
    },
  };
}
