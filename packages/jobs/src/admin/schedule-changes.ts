import type { Pool } from "pg";
import { checkText } from "../check-values.ts";
import { askJobs } from "../database/ask-jobs.ts";
import { promptlyMs } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import { JobsError } from "../errors.ts";
import type { Definition } from "../schedule/definition.ts";
import * as rows from "../schedule/schedule-rows.ts";
import { tickAfter } from "../schedule/ticks.ts";

/** What an operator can do with a schedule. */
export type ScheduleChange = "pause" | "resume" | "run" | "remove";

const changes: Readonly<Record<ScheduleChange, (db: Queryable, name: string) => Promise<boolean>>> = {
  pause: rows.pauseSchedule,
  run: rows.wantJobNow,
  async resume(db, name) {
    // A worker may declare it anew in between.
    for (;;) {
      const standing = await rows.readStanding(db, name);
      if (standing === undefined) return false;
      const { definition, now } = standing;
      if (await rows.resumeSchedule(db, { name, definition, nextAt: nextTick(name, definition, now) })) return true;
    }
  },
  async remove(db, name) {
    const became = await rows.removeSchedule(db, name);
    if (became === "declared") throw declared(name);
    return became === "gone";
  },
};

/** @throws {@link JobsError} `SCHEDULE_MISSING`, `SCHEDULE_DECLARED`, `SCHEDULE_INVALID`, `OPTIONS_INVALID`. */
export async function changeSchedule(pool: () => Pool, change: ScheduleChange, name: string): Promise<void> {
  if (typeof name !== "string") throw new JobsError("OPTIONS_INVALID", "The name of a schedule must be a text.");
  checkText("name", name);
  const isThere = await askJobs(pool, (db) => changes[change](db, name), promptlyMs);
  if (!isThere) throw new JobsError("SCHEDULE_MISSING", `There is no schedule "${name}". schedules() lists them.`);
}

/** The workers may know what this process does not: a pattern of a later version, a zone of a later Node. */
function nextTick(name: string, { timing }: Definition, now: Date): Date | undefined {
  try {
    return tickAfter(timing, now);
  } catch (cause) {
    throw new JobsError(
      "SCHEDULE_INVALID",
      `The next tick of the schedule "${name}" cannot be computed here. Resume it with the version and the Node of its workers.`,
      { cause },
    );
  }
}

function declared(name: string): JobsError {
  return new JobsError(
    "SCHEDULE_DECLARED",
    `Workers still have the schedule "${name}", and would declare it again. Pause it, or remove it two minutes after the last of them has stopped.`,
  );
}
