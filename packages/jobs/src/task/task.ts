import { checkNames } from "../check-options.ts";
import { JobsError } from "../errors.ts";
import { retry, type RetryPolicy } from "./retry.ts";
import type { StandardSchema } from "@acme/shared/standard-schema";

/** A kind of work: its name, the schema of its payload, and how often it is tried. {@link perform} adds the code. */
export interface Task<Name extends string = string, Input = unknown, Output = unknown> {
  readonly name: Name;
  readonly payload: StandardSchema<Input, Output>;
  readonly retry: RetryPolicy;
  /** Milliseconds one attempt may take, or `undefined` for no limit. */
  readonly timeoutMs: number | undefined;
}

/** The settings of a task. */
export interface TaskOptions<Input, Output> {
  /** Any Standard Schema. Its *output* is what is stored, and must survive JSON unchanged. */
  readonly payload: StandardSchema<Input, Output>;
  /** How often, how far apart and for which errors an attempt is repeated. Default: `retry.standard`. */
  readonly retry?: RetryPolicy;
  /**
   * Milliseconds one attempt may take, from 1, including an asynchronous schema. After that the attempt has failed, and its
   * `signal` is aborted. Default: no limit.
   */
  readonly timeoutMs?: number;
}

/** Graphile Worker's column limits the length. */
const namePattern = /^[!-~]{1,128}$/;

/**
 * Declares a task. Code that enqueues needs only this. Code that starts a worker adds the function with {@link perform}.
 *
 * @param name - Stored with each job, so it must stay the same: 1 to 128 printable ASCII characters without spaces.
 * @throws {@link JobsError} `TASK_INVALID` for a name, schema, option or time limit that cannot be used.
 * @example
 * ```ts
 * const sendReceipt = defineTask("send_receipt", {
 *   payload: z.object({ orderId: z.uuid() }),
 *   retry: retry.network,
 *   timeoutMs: 30_000,
 * });
 * ```
 */
export function defineTask<const Name extends string, Input, Output>(
  name: Name,
  options: TaskOptions<Input, Output>,
): Task<Name, Input, Output> {
  if (typeof name !== "string" || !namePattern.test(name)) {
    throw new JobsError("TASK_INVALID", "A task name must have 1 to 128 printable ASCII characters and no space.");
  }
  if (typeof options?.payload?.["~standard"]?.validate !== "function") {
    throw new JobsError(
      "TASK_INVALID",
      `Task "${name}" has no payload schema. Give it a Standard Schema (zod, valibot, arktype) as "payload".`,
    );
  }
  const known = ["payload", "retry", "timeoutMs"] satisfies (keyof TaskOptions<Input, Output>)[];
  checkNames(options, { what: `Task "${name}"`, known, code: "TASK_INVALID" });
  const { timeoutMs } = options;
  if (timeoutMs !== undefined && !(timeoutMs >= 1 && timeoutMs <= 2 ** 31 - 1)) {
    throw new JobsError(
      "TASK_INVALID",
      `Task "${name}" has a timeoutMs that is not a number from 1 to ${2 ** 31 - 1}.`,
    );
  }
  return Object.freeze({ name, payload: options.payload, retry: options.retry ?? retry.standard, timeoutMs });
}

/**
 * Refuses a value that {@link defineTask} did not make. Checks the shape, because a process may load the ESM and the
 * CJS build.
 */
export function assertTask(value: unknown): asserts value is Task {
  const isTask =
    typeof value === "object" && value !== null && "name" in value && "payload" in value && "retry" in value;
  if (isTask) return;
  throw new JobsError(
    "TASK_UNKNOWN",
    `This is not a task${typeof value === "string" ? `: "${value}" is only a name` : ""}. Pass what defineTask() returned.`,
  );
}
