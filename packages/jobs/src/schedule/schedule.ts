import { JobsError } from "../errors.ts";
import { checkNames, namesOf } from "../check-options.ts";
import { isPromiseLike } from "@acme/shared/promise-like";
import { toStoredPayload } from "../task/payload.ts";
import { assertTask, type Task } from "../task/task.ts";
import type { Timing } from "./ticks.ts";
import { timingOf, type Refuse, type ScheduleTimes } from "./timing.ts";

/** What happens to a tick while the job of an earlier one waits or runs. */
export type Overlap = "skip" | "queue" | "replace";

/** Which ticks are made up for that no worker could see, because none ran. */
export type Backfill = "none" | "latest" | "all";

/** One time at which a schedule enqueues a job. */
export interface Tick {
  /** The time for which the job is enqueued. It is enqueued then or later, never before. */
  readonly at: Date;
}

/** The settings of a schedule. */
export type ScheduleOptions<Input> = ScheduleTimes & {
  /** The payload of each job, or what makes it of the tick. It must give the same payload for the same tick. */
  readonly payload: Input | ((tick: Tick) => Input);
  /** 1 to 100 printable ASCII characters without spaces. Default: the name of the task. */
  readonly name?: string;
  /**
   * While the job of an earlier tick waits or runs, `"skip"` (default) leaves the tick out. `"queue"` enqueues it, and the jobs run
   * one at a time. `"replace"` replaces a job that waits; one that runs goes on.
   */
  readonly overlap?: Overlap;
  /**
   * After a time without workers, `"latest"` (default) makes up for the last tick, `"all"` for each of them, which needs
   * `overlap: "queue"`, and `"none"` for none that is more than a minute old.
   */
  readonly backfill?: Backfill;
};

/** A schedule, made by {@link schedule}. */
export interface Schedule {
  readonly name: string;
  readonly task: Task;
  readonly timing: Timing;
  readonly overlap: Overlap;
  readonly backfill: Backfill;
  /** The payload for a tick. */
  readonly payloadAt: (tick: Tick) => unknown;
  /** The payload of all ticks, if it is the same for all. */
  readonly fixedPayload: unknown;
}

const namePattern = /^[!-~]{1,100}$/;
const overlaps: readonly Overlap[] = ["skip", "queue", "replace"];
const backfills: readonly Backfill[] = ["none", "latest", "all"];

/**
 * Declares that jobs of a task are enqueued at certain times. Workers that have it in their `schedules` enqueue them, each tick once,
 * however many workers there are. Times are those of the server of the jobs.
 *
 * Where the clock is set forward or back, a pattern that names its minutes and hours comes once: at the first time of a doubled
 * hour, and at the end of a skipped one. A pattern with `*` or a step in them goes on in real time.
 *
 * @param task - What {@link defineTask} returned.
 * @throws {@link JobsError} `SCHEDULE_INVALID` for a name, time, time zone, overlap or backfill that makes no sense; `TASK_UNKNOWN`;
 * `PAYLOAD_INVALID` for a payload that does not fit, unless the task's schema is asynchronous.
 * @example
 * ```ts
 * const nightly = schedule(sendReport, {
 *   cron: "0 3 * * *",
 *   timeZone: "Europe/Berlin",
 *   payload: ({ at }) => ({ until: at.toISOString() }),
 * });
 * await jobs.startWorker({ tasks: [performSendReport], schedules: [nightly] });
 * ```
 */
export function schedule<Input>(
  task: Task<string, Input, unknown>,
  options: ScheduleOptions<NoInfer<Input>>,
): Schedule {
  assertTask(task);
  const { name = task.name, overlap = "skip", backfill = "latest", payload } = options;
  const refuse: Refuse = (why) => {
    throw new JobsError("SCHEDULE_INVALID", `The schedule "${name}" cannot be declared: ${why}.`);
  };
  checkNames(options, { what: `The schedule "${name}"`, known: optionNames, code: "SCHEDULE_INVALID" });
  checkSettings({ name, overlap, backfill }, refuse);
  const timing = timingOf(options, refuse);
  const declared = { name, task, timing, overlap, backfill };
  if (typeof payload === "function") {
    return Object.freeze({ ...declared, payloadAt: payload as Schedule["payloadAt"], fixedPayload: undefined });
  }
  // What is wrong with a payload that is known is told here, and not at its first tick.
  const stored = toStoredPayload(task, payload);
  if (isPromiseLike(stored)) stored.then(undefined, () => undefined);
  else if (stored.startsWith("[") && overlap !== "queue")
    refuse(
      'a payload that is an array needs overlap "queue": its jobs cannot have a key, by which the others are told',
    );
  // The caller may change its own.
  const fixedPayload = structuredClone(payload);
  return Object.freeze({ ...declared, payloadAt: () => fixedPayload, fixedPayload });
}

function checkSettings({ name, overlap, backfill }: Pick<Schedule, "name" | "overlap" | "backfill">, refuse: Refuse) {
  if (typeof name !== "string" || !namePattern.test(name))
    refuse("its name must have 1 to 100 printable ASCII characters and no space");
  if (!overlaps.includes(overlap)) refuse('overlap is none of "skip", "queue" and "replace"');
  if (!backfills.includes(backfill)) refuse('backfill is none of "none", "latest" and "all"');
  if (backfill === "all" && overlap !== "queue")
    refuse('backfill "all" needs overlap "queue": otherwise one job would be left of all that are made up for');
}

const optionNames = namesOf<Record<keyof ScheduleOptions<unknown>, unknown>>({
  cron: true,
  timeZone: true,
  every: true,
  at: true,
  payload: true,
  name: true,
  overlap: true,
  backfill: true,
});
