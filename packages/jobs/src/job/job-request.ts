import { checkNames, namesOf } from "../check-options.ts";
import { JobsError } from "../errors.ts";
import { toStoredPayload } from "../task/payload.ts";
import { isPromiseLike } from "@acme/shared/promise-like";
import { assertTask, type Task } from "../task/task.ts";
import { newJobId } from "./job-id.ts";
import { currentFlags } from "./origin.ts";

/** The receipt of requests that were written in a transaction. */
export interface WrittenRequests {
  /** The value of the expression that the same statement has selected. */
  readonly proof: unknown;
  /**
   * A query that finds a row only if the requests are committed. Finding none proves nothing: the jobs may be done by
   * now.
   */
  readonly witness: { readonly text: string; readonly values: readonly unknown[] };
}

/** One job to be stored, after all checks. */
export interface JobRequest {
  /** A UUIDv7: the id that `enqueue` returns, and the `idempotencyKey` of the runs. */
  readonly id: string;
  /** As JSON, exactly as it is stored. */
  readonly payload: string;
  readonly settings: JobSettings;
}

/** The settings that all jobs of one call share. They survive JSON. */
export interface JobSettings {
  readonly task: string;
  readonly runAt: string | null;
  readonly queue: string | null;
  readonly priority: number | null;
  /** Prefixed with the task, because Graphile Worker's keys are unique across all tasks. */
  readonly key: string | null;
  readonly preserveRunAt: boolean;
  /** What the jobs come from, as an array of PostgreSQL. The id of each job is not among them. */
  readonly flags: string | null;
}

/** Scheduling options of a job: time, key, queue and priority. */
export interface JobOptions {
  /** Not before this time, from 1970 to 9999. Default: now. */
  readonly runAt?: Date;
  /**
   * A waiting job is replaced by a new job of the same task with the same key: the last payload counts. A job that a worker
   * has already taken is not replaced, and may still run before the new one. The key is free again when its job is done. 1 to
   * 300 characters. Not for `enqueueMany` with several jobs.
   */
  readonly key?: string;
  /** With `key`: `"replace"` (default) takes the `runAt` of the new job, `"preserveRunAt"` keeps that of the first. */
  readonly keyMode?: "replace" | "preserveRunAt";
  /**
   * Jobs of one named queue run one at a time. Leave it out for work that may run in parallel. 1 to 128 characters. Graphile
   * Worker keeps every name that was ever used, and looks at all of them for each job of a queue: use some hundreds of names,
   * not one for each order.
   */
  readonly queue?: string;
  /** Lower runs first, -32,767 to 32,767. Default: 0. */
  readonly priority?: number;
}

const jobOptionNames = namesOf<Required<JobOptions>>({
  runAt: true,
  key: true,
  keyMode: true,
  queue: true,
  priority: true,
});
const longestKey = 300;
const longestQueue = 128;
/** Graphile Worker's limit. */
const longestStoredKey = 512;

/**
 * Checks the payloads and the options, and gives each job its id.
 *
 * @throws {@link JobsError} `TASK_UNKNOWN`, `PAYLOAD_INVALID`, `ENQUEUE_INVALID`.
 */
export async function toJobRequests(
  task: Task,
  inputs: readonly unknown[],
  { options = {}, flags = currentFlags() }: RequestSettings = {},
): Promise<JobRequest[]> {
  assertTask(task);
  checkNames(options, { what: `A job of task "${task.name}"`, known: jobOptionNames, code: "ENQUEUE_INVALID" });
  assertOptions(task.name, options);
  if (inputs.length > 1 && options.key !== undefined) {
    throw new JobsError(
      "ENQUEUE_INVALID",
      `Jobs of task "${task.name}" cannot be added with one key: each would replace the one before. Enqueue them one by one, each with a key of its own.`,
    );
  }
  const settings = { ...toSettings(task.name, options), flags };
  const requests = [];
  for (const input of inputs) {
    const stored = toStoredPayload(task, input);
    const payload = isPromiseLike(stored) ? await stored : stored;
    if (settings.key !== null && payload.startsWith("[")) {
      // Graphile Worker would join the arrays of two jobs with one key instead of replacing the first.
      throw new JobsError(
        "ENQUEUE_INVALID",
        `Task "${task.name}" has an array as payload, and such a job cannot have a key.`,
      );
    }
    requests.push({ id: newJobId(), payload, settings });
  }
  return requests;
}

interface RequestSettings {
  readonly options?: JobOptions;
  /** Default: those of the current correlation. */
  readonly flags?: string | null;
}

function toSettings(task: string, { runAt, key, keyMode, queue, priority }: JobOptions): Omit<JobSettings, "flags"> {
  return {
    task,
    runAt: runAt?.toISOString() ?? null,
    queue: queue ?? null,
    priority: priority ?? null,
    key: key === undefined ? null : storedKey(task, key),
    preserveRunAt: keyMode === "preserveRunAt",
  };
}

/** The task is escaped, so that no other pair of task and key makes the same text. */
function storedKey(task: string, key: string): string {
  return `${encodeURIComponent(task)}:${key}`;
}

function assertOptions(task: string, options: JobOptions): void {
  for (const [isRight, rule] of rules) {
    if (isRight(options, task)) continue;
    throw new JobsError("ENQUEUE_INVALID", `A job of task "${task}" cannot be added: ${rule}.`);
  }
}

type Rule = readonly [isRight: (options: JobOptions, task: string) => boolean, rule: string];

const rules: readonly Rule[] = [
  [({ runAt }) => runAt === undefined || isTime(runAt), "runAt is not a Date between 1970 and 9999"],
  [({ key }) => key === undefined || isText(key, longestKey), `key is not a text of 1 to ${longestKey} characters`],
  [
    ({ key }, task) => key === undefined || storedKey(task, key).length <= longestStoredKey,
    `key and the name of the task, as they are stored, are longer than ${longestStoredKey} characters together`,
  ],
  [({ key, keyMode }) => keyMode === undefined || key !== undefined, "keyMode needs a key"],
  [
    ({ keyMode }) => keyMode === undefined || keyMode === "replace" || keyMode === "preserveRunAt",
    'keyMode is neither "replace" nor "preserveRunAt"',
  ],
  [
    ({ queue }) => queue === undefined || isText(queue, longestQueue),
    `queue is not a text of 1 to ${longestQueue} characters`,
  ],
  [
    ({ priority }) => priority === undefined || (Number.isInteger(priority) && Math.abs(priority) < 2 ** 15),
    "priority is not a whole number from -32,767 to 32,767",
  ],
];

function isTime(value: unknown): boolean {
  return value instanceof Date && value.getTime() >= 0 && value.getUTCFullYear() <= 9999;
}

function isText(value: unknown, longest: number): boolean {
  return (
    typeof value === "string" &&
    value.length >= 1 &&
    value.length <= longest &&
    !value.includes("\0") &&
    value.isWellFormed()
  );
}
