import type { StoredSchedule } from "./schedule-table.ts";

/** Tells which schedules a worker has to declare: those without a row, and those whose declaration no worker has any more. */
export function watchDesertion(afterMs: number) {
  /** Since when each look has found it so. */
  const desertedAt = new Map<string, number>();

  return {
    isLacking(name: string, row: StoredSchedule | undefined): boolean {
      if (row?.isDeserted !== true) {
        desertedAt.delete(name);
        return row === undefined;
      }
      const now = performance.now();
      const since = desertedAt.get(name) ?? now;
      desertedAt.set(name, since);
      return now - since >= afterMs;
    },
    /** After an outage, workers that live have to say first that they do. */
    forget: () => desertedAt.clear(),
  };
}
