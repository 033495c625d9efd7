import { JobsError } from "../errors.ts";
import type { Schedule } from "./schedule.ts";

/** @throws {@link JobsError} `OPTIONS_INVALID` for anything else than schedules, each with a name of its own. */
export function checkSchedules(schedules: readonly Schedule[]): void {
  const isList = Array.isArray(schedules) && schedules.every((each) => typeof each?.payloadAt === "function");
  if (!isList) throw new JobsError("OPTIONS_INVALID", '"schedules" must be a list of what schedule() returned.');
  const names = new Set<string>();
  for (const { name } of schedules) {
    if (names.has(name))
      throw new JobsError("OPTIONS_INVALID", `"schedules" has two of the name "${name}". Give one another name.`);
    names.add(name);
  }
}
