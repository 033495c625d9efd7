import type { Pool } from "pg";
import { checkTime } from "../check-values.ts";
import type { ChangeOptions, ChangeResult } from "../change-in-batches.ts";
import type { DoctorOptions } from "../doctor/doctor.ts";
import type { Finding } from "../doctor/finding.ts";
import type { JobFilter, Page } from "../job/job-filter.ts";
import type { OutboxInfo } from "../outbox/outbox-rows.ts";
import type { JobSelection, PutOffOptions } from "./job-changes.ts";
import type { JobDetails, JobPage } from "./job-details.ts";
import type { QueuePage } from "./named-queues.ts";
import type { Overview } from "./overview.ts";
import type { SchedulePage } from "./schedule-list.ts";
import type { PauseInfo } from "./pauses.ts";
import type { TaskMinute, TaskMinutesOptions } from "./task-minutes.ts";
import type { TaskStatistics } from "./task-statistics.ts";
import type { Pausable } from "../job/pausable.ts";
import type { WorkerInfo } from "../worker/worker-info.ts";
import type { WorkersOptions } from "./worker-list.ts";

/**
 * Reads and changes what is in the queue. Made for operators: a command line and a dashboard can stand on it.
 *
 * Each call has a limit: lists have pages, statements have time limits, and changes go in batches of at most 500 jobs. Each batch
 * is a transaction of its own. If the process dies, or the call is aborted, the rest is unchanged, and the same call goes on.
 *
 * @throws {@link JobsError} from each method, besides the errors it names: `MIGRATION_MISSING`, `CONNECTION_MISSING`,
 * `JOBS_DATABASE_REFUSED`; `JOBS_DATABASE_UNREACHABLE`, after which the last batch may have been changed or not. Errors of
 * the outbox's database are thrown unchanged.
 */
export interface Admin {
  /** How the queue does, from the last sample. If there is none, it is counted, to 10,000 if there are very many jobs. */
  overview(): Promise<Overview>;
  /** How each task does, from the last sample and the last hour. */
  tasks(): Promise<readonly TaskStatistics[]>;
  /** What became of attempts, minute by minute, the oldest first. @throws {@link JobsError} `OPTIONS_INVALID`. */
  minutes(options?: TaskMinutesOptions): Promise<readonly TaskMinute[]>;
  /**
   * Lists jobs of the queue by their numbers, the oldest first. A page looks at 50,000 jobs at most, so it may have fewer
   * jobs than `limit`, and still a `next`.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`.
   */
  list(filter?: JobFilter & Page): Promise<JobPage>;
  /**
   * Finds a job, an outbox row or a dead letter.
   *
   * @param id - What `enqueue` returned, or `jobId`.
   * @throws {@link JobsError} `OPTIONS_INVALID` for anything else; `JOB_SEARCH_TIMEOUT` if there are so many jobs that the one
   * with this id was not found in time.
   */
  get(id: string): Promise<JobDetails | undefined>;
  /**
   * Returns the payload of a job, an outbox row or a dead letter. Nothing is changed.
   *
   * @param id - What `enqueue` returned, or `jobId`.
   * @throws {@link JobsError} `JOB_MISSING`; `JOB_LOCKED` while a worker has the job; `OPTIONS_INVALID`, `JOB_SEARCH_TIMEOUT`.
   */
  payload(id: string): Promise<unknown>;
  /**
   * Makes jobs due now that wait for their time or for their next attempt. Attempts, keys, queues and priorities stay. Jobs
   * that are due already are skipped, and keep their place.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`, `JOB_SEARCH_TIMEOUT`.
   */
  runNow(which: JobSelection, options?: ChangeOptions): Promise<ChangeResult>;
  /**
   * Makes jobs due at another time, earlier or later. Attempts, keys, queues and priorities stay.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`, `JOB_SEARCH_TIMEOUT`.
   */
  putOff(which: JobSelection, options: PutOffOptions): Promise<ChangeResult>;
  /**
   * Removes jobs for good, with the history of their failures. A job that a worker has is skipped: it runs.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`, `JOB_SEARCH_TIMEOUT`.
   */
  discard(which: JobSelection, options?: ChangeOptions): Promise<ChangeResult>;
  /**
   * The workers that have not stopped, the oldest first, and those that have died and whose jobs are not recovered yet.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`.
   */
  workers(options?: WorkersOptions): Promise<readonly WorkerInfo[]>;
  /** Lists named queues that have jobs, by name. @throws {@link JobsError} `OPTIONS_INVALID`. */
  queues(page?: Page): Promise<QueuePage>;
  /**
   * Lets no worker begin a job of a task, of a named queue, or of any, until it is resumed. It lasts, whatever is restarted.
   *
   * When the promise resolves, no worker fetches such a job any more. What a worker has fetched ahead begins, or goes back unused,
   * within two seconds. What runs may finish; its retry waits. Jobs can still be enqueued, and schedules go on. Pausing it again
   * changes nothing. Workers of a version without pauses, and plain Graphile Workers, do not know of it.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID`.
   * @example
   * ```ts
   * await jobs.admin.pause({ task: "send_receipt" });
   * ```
   */
  pause(what: Pausable): Promise<void>;
  /**
   * Ends a pause, and wakes the workers. Another pause of the same jobs still holds.
   *
   * @returns whether it was paused.
   * @throws {@link JobsError} `OPTIONS_INVALID`.
   */
  resume(what: Pausable): Promise<boolean>;
  /** Lists what is paused. */
  pauses(): Promise<readonly PauseInfo[]>;
  /** Lists the schedules that workers have or had, by name. @throws {@link JobsError} `OPTIONS_INVALID`. */
  schedules(page?: Page): Promise<SchedulePage>;
  /**
   * Lets no tick of a schedule come any more, on any worker, until it is resumed. It lasts, whatever is restarted. Jobs that are
   * enqueued already run.
   *
   * @throws {@link JobsError} `SCHEDULE_MISSING`, `OPTIONS_INVALID`.
   */
  pauseSchedule(name: string): Promise<void>;
  /**
   * Ends a pause. The next tick is the first one after now: what was left out is not made up for.
   *
   * @throws {@link JobsError} `SCHEDULE_MISSING`, `OPTIONS_INVALID`; `SCHEDULE_INVALID` if this process does not know its time zone
   * or pattern.
   */
  resumeSchedule(name: string): Promise<void>;
  /**
   * Asks the workers that have a schedule for a job now, besides its ticks. One of them enqueues it within two seconds, unless the
   * schedule is paused, or skips it because an earlier job is not done.
   *
   * @throws {@link JobsError} `SCHEDULE_MISSING`, `OPTIONS_INVALID`.
   */
  runSchedule(name: string): Promise<void>;
  /**
   * Forgets a schedule that has left the code.
   *
   * @throws {@link JobsError} `SCHEDULE_DECLARED` while a worker has it, and for two minutes after; `SCHEDULE_MISSING`,
   * `OPTIONS_INVALID`.
   */
  removeSchedule(name: string): Promise<void>;
  /**
   * Lists what waits in the outbox, the oldest first.
   *
   * @returns `undefined` if the jobs were made without an `outbox`.
   * @throws {@link JobsError} `OPTIONS_INVALID`.
   */
  outbox(page?: Page): Promise<OutboxInfo | undefined>;
  /** Looks for everything that is known to go wrong. Finds nothing on a healthy system. */
  doctor(options?: DoctorOptions): Promise<readonly Finding[]>;
}

/** What the methods of {@link Admin} use. */
interface AdminParts {
  readonly jobs: () => Pool;
  readonly outbox: (() => Pool) | undefined;
}

const load = () => import("./admin-calls.ts");

/** Makes `jobs.admin`. Does not connect yet, and loads nothing before its first call: most processes are no operator's. */
export function createAdmin({ jobs, outbox }: AdminParts): Admin {
  return {
    overview: async () => (await load()).readOverview({ jobs: jobs(), outbox }),
    tasks: async () => (await load()).readTaskStatistics(jobs()),
    minutes: async (options) => (await load()).readTaskMinutes(jobs(), options),
    list: async (filter) => (await load()).listPage(jobs, filter),
    get: async (id) => (await load()).getJob({ jobs, outbox }, id),
    payload: async (id) => (await load()).getPayload({ jobs, outbox }, id),
    async runNow(which, options) {
      return (await load()).changeSelected(jobs, { kind: "reschedule", runAt: "now" }, { which, options });
    },
    async putOff(which, { until, ...options } = {} as never) {
      checkTime("until", until ?? null);
      return (await load()).changeSelected(jobs, { kind: "reschedule", runAt: until }, { which, options });
    },
    discard: async (which, options) => (await load()).changeSelected(jobs, { kind: "discard" }, { which, options }),
    workers: async (options) => (await load()).listWorkers(jobs(), options),
    queues: async (page) => (await load()).listQueues(jobs, page),
    pause: async (what) => (await load()).pause(jobs, what),
    resume: async (what) => (await load()).resume(jobs, what),
    pauses: async () => (await load()).listPauses(jobs),
    schedules: async (page) => (await load()).listSchedules(jobs, page),
    pauseSchedule: async (name) => (await load()).changeSchedule(jobs, "pause", name),
    resumeSchedule: async (name) => (await load()).changeSchedule(jobs, "resume", name),
    runSchedule: async (name) => (await load()).changeSchedule(jobs, "run", name),
    removeSchedule: async (name) => (await load()).changeSchedule(jobs, "remove", name),
    outbox: async (page) => (await load()).listOutbox(outbox, page),
    doctor: async (options) => (await load()).createDoctor({ jobs, outbox })(options),
  };
}
