import type { Queryable } from "../database/queryable.ts";
import { definitionOf } from "./definition.ts";
import type { Schedule } from "./schedule.ts";
import { declareSchedules, readTimes } from "./schedule-table.ts";
import { tickAfter } from "./ticks.ts";

/** Stores the schedules of a worker. A new one begins with its first tick after now. */
export async function declare(db: Queryable, schedules: readonly Schedule[]): Promise<void> {
  const { now, lastTickOf } = await readTimes(
    db,
    schedules.map(({ name }) => name),
  );
  const rows = schedules.map((schedule) => {
    const after = new Date(Math.max(now, lastTickOf(schedule.name) ?? 0));
    return { name: schedule.name, definition: definitionOf(schedule), nextAt: tickAfter(schedule.timing, after) };
  });
  await declareSchedules(db, rows);
}
