import { checkNames, namesOf } from "../check-options.ts";
import { JobsError } from "../errors.ts";
import { toStoredPayload } from "../task/payload.ts";
import { isPromiseLike } from "@acme/shared/promise-like";
import { assertTask, type Task } from "../task/task.ts";
import { newJobId } from "./job-id.ts";

/** What is known of requests that were written into a transaction. */
export interface WrittenRequests {
  /** The value of the expression that was selected along. */
  readonly proof: unknown;
  /** Finds a row only if they are there; none does not mean that they were not. */
  readonly witness: { readonly text: string; readonly values: readonly unknown[] };
}

/** Everything about one job that is to be stored, checked. */
export interface JobRequest {
  /** UUIDv7; what `enqueue` returns and the run's `idempotencyKey`. */
  readonly id: string;
  /** As JSON, character for character what is stored. */
  readonly payload: string;
  readonly settings: JobSettings;
}

/** What the jobs of one call have in common. It survives JSON. */
export interface JobSettings {
  readonly task: string;
  readonly runAt: string | null;
  readonly queue: string | null;
  readonly priority: number | null;
  /** Prefixed with the task: Graphile Worker's keys are one space for all tasks. */
  readonly key: string | null;
  readonly preserveRunAt: boolean;
}

/** Scheduling options of a job: time, key, queue and priority. */
export interface JobOptions {
  /** Not before this time, from 1970 to 9999. Default: now. */
  readonly runAt?: Date;
  /**
   * Jobs of one task with one key replace each other while they wait: the last payload counts. One that a worker has taken
   * already may still run before it. Forgotten once the job is done. 1 to 300 characters. Not for several jobs at once.
   */
  readonly key?: string;
  /** With `key`: `"replace"` (default) takes the new `runAt` as well, `"preserveRunAt"` keeps the first. */
  readonly keyMode?: "replace" | "preserveRunAt";
  /**
   * Jobs of one named queue run one at a time. Leave it out for work that may run in parallel. 1 to 128 characters. Graphile Worker keeps each name that was
   * ever used and looks at all of them for each job of a queue: use some hundreds of names, not one for each order.
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
/** Graphile Worker's. */
const longestStoredKey = 512;

/**
 * Checks the payloads and the options, and gives each job its id.
 *
 * @throws {@link JobsError} `TASK_UNKNOWN`, `PAYLOAD_INVALID`, `ENQUEUE_INVALID`.
 */
export async function toJobRequests(
  task: Task,
  inputs: readonly unknown[],
  options: JobOptions = {},
): Promise<JobRequest[]> {
  assertTask(task);
  checkNames(options, { what: `A job of task "${task.name}"`, known: jobOptionNames, code: "ENQUEUE_INVALID" });
  assertOptions(task.name, options);
  if (inputs.length > 1 && options.key !== undefined) {
    throw new JobsError(
      "ENQUEUE_INVALID",
      `Jobs of task "${task.name}" cannot be added with one key: each would replace the one before. Enqueue them one by one, each with its own.`,
    );
  }
  const settings = toSettings(task.name, options);
  const requests = [];
  for (const input of inputs) {
    const stored = toStoredPayload(task, input);
    const payload = isPromiseLike(stored) ? await stored : stored;
    if (settings.key !== null && payload.startsWith("[")) {
      // Graphile Worker joins the arrays of two jobs with one key instead of replacing the first.
      throw new JobsError("ENQUEUE_INVALID", `Task "${task.name}" has an array as payload, which cannot have a key.`);
    }
    requests.push({ id: newJobId(), payload, settings });
  }
  return requests;
}

function toSettings(task: string, { runAt, key, keyMode, queue, priority }: JobOptions): JobSettings {
  return {
    task,
    runAt: runAt?.toISOString() ?? null,
    queue: queue ?? null,
    priority: priority ?? null,
    key: key === undefined ? null : storedKey(task, key),
    preserveRunAt: keyMode === "preserveRunAt",
  };
}

/** Escaped, so that no other split of the two makes the same key. */
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
  [({ runAt }) => runAt === undefined || isTime(runAt), "runAt is no Date between 1970 and 9999"],
  [({ key }) => key === undefined || isText(key, longestKey), `key is no text of 1 to ${longestKey} characters`],
  [
    ({ key }, task) => key === undefined || storedKey(task, key).length <= longestStoredKey,
    `key and the name of the task are longer than ${longestStoredKey} characters together, as they are stored`,
  ],
  [({ key, keyMode }) => keyMode === undefined || key !== undefined, "keyMode needs a key"],
  [
    ({ keyMode }) => keyMode === undefined || keyMode === "replace" || keyMode === "preserveRunAt",
    'keyMode is "replace" or "preserveRunAt"',
  ],
  [
    ({ queue }) => queue === undefined || isText(queue, longestQueue),
    `queue is no text of 1 to ${longestQueue} characters`,
  ],
  [
    ({ priority }) => priority === undefined || (Number.isInteger(priority) && Math.abs(priority) < 2 ** 15),
    "priority is no whole number from -32,767 to 32,767",
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
