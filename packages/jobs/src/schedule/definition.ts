import { createHash } from "node:crypto";
import type { Backfill, Overlap, Schedule } from "./schedule.ts";
import type { Timing } from "./ticks.ts";

/** What is stored of a schedule, to be shown, and to tell two declarations apart. */
export interface Definition {
  readonly task: string;
  readonly timing: Timing;
  readonly overlap: Overlap;
  readonly backfill: Backfill;
  /** A hash, because a payload may hold what is nobody's business. */
  readonly payload: string;
}

export function definitionOf({ task, timing, overlap, backfill, fixedPayload }: Schedule): Definition {
  const payload =
    fixedPayload === undefined
      ? "made for each tick"
      : createHash("sha256").update(JSON.stringify(fixedPayload)).digest("hex").slice(0, 16);
  return { task: task.name, timing, overlap, backfill, payload };
}
