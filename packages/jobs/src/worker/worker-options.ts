import { checkCount, checkNames, checkNumber, longestTimerMs, namesOf } from "../check-options.ts";
import { JobsError } from "../errors.ts";
import type { PerformableTask } from "../task/perform.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { checkSchedules } from "../schedule/check-schedules.ts";
import { taskList } from "./task-list.ts";

/** What keeps the keys of `runOnce`: a unit of work of `@acme/domain-events`, or anything with the same method. */
export interface IdempotencyKeys {
  /**
   * Deletes keys that were last used more than `olderThanMs` ago, but not those that `keep` returns.
   *
   * @throws whatever it likes: the worker logs it and tries again an hour later.
   */
  purgeIdempotencyKeys(options: {
    readonly olderThanMs: number;
    readonly keep: (keys: readonly string[]) => Promise<Iterable<string>>;
  }): Promise<number>;
}

/** What a worker runs and how. Only `tasks` is needed. */
export interface WorkerOptions {
  /** The tasks this worker runs, with their code. It leaves jobs of other tasks to other workers. */
  readonly tasks: readonly PerformableTask[];
  /**
   * What `schedule()` returned: this worker enqueues their jobs at their times, together with all other workers that have them.
   * Their tasks need not be among its own. Default: none.
   */
  readonly schedules?: readonly Schedule[];
  /** Jobs that run at the same time, 1 to 1,000. Default: 25. */
  readonly concurrency?: number;
  /**
   * The most jobs to fetch per query, 0 to 10,000. A worker fetches as many jobs as it can begin at once. It fetches ahead
   * only if the last jobs took less than a tenth of a second each: as many more as will most likely begin within a tenth of a
   * second, and up to five times this number while four begin in a millisecond. Jobs that have not begun after a second
   * are returned.
   * With 0, each job is fetched by itself, which is several times slower for short jobs. Default: 100.
   */
  readonly prefetch?: number;
  /** How often an idle worker polls, in milliseconds, from 10. Default: 1,000. */
  readonly pollIntervalMs?: number;
  /** Milliseconds between two heartbeats, from 10. Default: 1,000. */
  readonly heartbeatMs?: number;
  /**
   * Milliseconds without a heartbeat after which a worker whose heartbeat connection has ended counts as dead; at least two
   * heartbeats. If the event loop is blocked for twice as long, and at least for a second, that is a hang: jobs that have not
   * begun are returned. Default: 3,000.
   */
  readonly deadAfterMs?: number;
  /**
   * Milliseconds, from 0, after which a due job becomes a dead letter if no worker has known its task for a day.
   * Default: 1 hour, so that a job of a new task may be enqueued before its workers are deployed.
   */
  readonly unknownTaskAfterMs?: number;
  /**
   * The worker gives up if the database answers, but refuses what the worker needs, for this many milliseconds, from 1,000.
   * Default: 60,000.
   */
  readonly giveUpAfterMs?: number;
  /**
   * The unit of work whose `runOnce` takes the keys of these jobs. Once an hour, the worker forgets keys that have not been
   * used for 30 days and that no job, outbox row or dead letter can use again. Default: keys are kept for ever.
   */
  readonly idempotencyKeys?: IdempotencyKeys;
  /** What operators call this worker, 1 to 64 printable characters. Default: none. */
  readonly name?: string;
  /**
   * Whether to count what becomes of jobs and how long they take, and to take samples of the queue, for `jobs.admin`. Default: true.
   */
  readonly statistics?: boolean;
  /** Whether to create or update the tables first. Default: true. */
  readonly migrate?: boolean;
  /** Whether to start a relay as well, if there is an outbox. Default: true. */
  readonly relay?: boolean;
}

/** All settings of a worker: the given ones, and defaults for the rest. */
export interface WorkerSettings extends Required<
  Omit<WorkerOptions, "tasks" | "idempotencyKeys" | "name" | "migrate" | "relay">
> {
  /** By the names of the tasks. */
  readonly tasks: ReadonlyMap<string, PerformableTask>;
  readonly idempotencyKeys: IdempotencyKeys | undefined;
  readonly name: string | undefined;
}

/**
 * @throws {@link JobsError} `OPTIONS_INVALID` for a setting out of its range or unknown; `HANDLER_INVALID` and
 *   `TASK_DUPLICATE` for the list of tasks.
 */
export function resolveWorkerOptions(options: WorkerOptions): WorkerSettings {
  const tasks = taskList(options.tasks);
  checkNames(options, { what: "A worker", known: optionNames });
  const {
    concurrency = 25,
    prefetch = 100,
    pollIntervalMs = 1_000,
    heartbeatMs = 1_000,
    deadAfterMs = 3_000,
    unknownTaskAfterMs = 3_600_000,
    giveUpAfterMs = 60_000,
    idempotencyKeys,
    name,
    statistics = true,
    schedules = [],
  } = options;
  checkCount("concurrency", concurrency, [1, 1_000]);
  checkCount("prefetch", prefetch, [0, 10_000]);
  checkNumber("pollIntervalMs", pollIntervalMs, [10, longestTimerMs]);
  checkNumber("heartbeatMs", heartbeatMs, [10, longestTimerMs]);
  // A single late heartbeat must not look like a death.
  checkNumber("deadAfterMs", deadAfterMs, [2 * heartbeatMs, longestTimerMs]);
  checkNumber("unknownTaskAfterMs", unknownTaskAfterMs, [0, Number.MAX_SAFE_INTEGER]);
  checkNumber("giveUpAfterMs", giveUpAfterMs, [1_000, longestTimerMs]);
  checkIdempotencyKeys(idempotencyKeys);
  checkName(name);
  checkBoolean("statistics", statistics);
  checkSchedules(schedules);
  const times = { pollIntervalMs, heartbeatMs, deadAfterMs, unknownTaskAfterMs, giveUpAfterMs };
  return { tasks, concurrency, prefetch, ...times, idempotencyKeys, name, statistics, schedules };
}

const optionNames = namesOf<Required<WorkerOptions>>({
  tasks: true,
  schedules: true,
  concurrency: true,
  prefetch: true,
  pollIntervalMs: true,
  heartbeatMs: true,
  deadAfterMs: true,
  unknownTaskAfterMs: true,
  giveUpAfterMs: true,
  idempotencyKeys: true,
  name: true,
  statistics: true,
  migrate: true,
  relay: true,
});

/** Letters, marks, numbers, punctuation, symbols and the plain space. */
const namePattern = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,64}$/u;

function checkName(name: string | undefined): void {
  if (name === undefined || (typeof name === "string" && namePattern.test(name))) return;
  throw new JobsError("OPTIONS_INVALID", '"name" of a worker must be a string of 1 to 64 printable characters.');
}

function checkBoolean(name: string, value: boolean): void {
  if (typeof value !== "boolean") throw new JobsError("OPTIONS_INVALID", `"${name}" must be true or false.`);
}

function checkIdempotencyKeys(keys: IdempotencyKeys | undefined): void {
  if (keys === undefined || typeof keys?.purgeIdempotencyKeys === "function") return;
  throw new JobsError("OPTIONS_INVALID", '"idempotencyKeys" must be a unit of work of @acme/domain-events.');
}
