import { JobsError } from "../errors.ts";

/** Shared by all copies of this package in a process: task and worker may load different builds (ESM or CJS). */
const kind = Symbol.for("@acme/jobs/attempt-error");

/**
 * Thrown by a task: this job will never succeed. It becomes a dead letter at once.
 *
 * @example
 * perform(sendReceipt, async ({ orderId }) => {
 *   if (orderId === gone) throw new NonRetryableError("The order is gone.");
 * });
 */
export class NonRetryableError extends Error {
  static {
    mark(this, "NonRetryableError");
  }
  override readonly name: string = "NonRetryableError";
}

/**
 * Thrown by a task: try again, but in `delayMs` milliseconds (0 to 365 days), whatever the policy says. Uses an attempt.
 *
 * @throws {@link JobsError} `RETRY_INVALID` for a delay that is not such a number, for example a `Retry-After` that is a date.
 *
 * @example
 * perform(sendReceipt, async () => {
 *   throw new RetryAfterError(30_000, "The service asked to wait.");
 * });
 */
export class RetryAfterError extends Error {
  static {
    mark(this, "RetryAfterError");
  }
  override readonly name: string = "RetryAfterError";
  readonly delayMs: number;

  constructor(delayMs: number, message = "The task asked for another attempt later.", options?: ErrorOptions) {
    super(message, options);
    this.delayMs = checkedDelay(delayMs, "RetryAfterError");
  }
}

/** The error that {@link snooze} makes. */
export class SnoozeError extends Error {
  static {
    mark(this, "SnoozeError");
  }
  override readonly name: string = "SnoozeError";
  readonly delayMs: number;

  constructor(delayMs: number) {
    super("The task put the job off.");
    this.delayMs = checkedDelay(delayMs, "snooze");
  }
}

/**
 * Puts the job off by `delayMs` milliseconds without using an attempt: `throw snooze(60_000)`.
 *
 * For "not yet", not for failures: a job may be put off without end.
 *
 * @throws {@link JobsError} `RETRY_INVALID` for a delay that is not between 0 and 365 days.
 *
 * @example
 * perform(sendReceipt, async () => {
 *   if (new Date().getUTCHours() < 6) throw snooze(3_600_000);
 * });
 */
export function snooze(delayMs: number): SnoozeError {
  return new SnoozeError(delayMs);
}

/** Whether an error is of this class or a subclass, from any copy of this package. Subclasses inherit the mark. */
export function isAttemptError<Kind extends Error>(
  error: unknown,
  errorClass: { readonly prototype: Kind },
): error is Kind {
  if (!(error instanceof Error)) return false;
  const name: unknown = Reflect.get(errorClass.prototype, kind);
  return Reflect.get(error, kind) === name;
}

/** The name is given as text because a bundler may rename the class. */
function mark(errorClass: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, kind, { value: name });
}

const longestDelayMs = 365 * 24 * 60 * 60 * 1000;

function checkedDelay(delayMs: number, what: string): number {
  if (typeof delayMs === "number" && delayMs >= 0 && delayMs <= longestDelayMs) return delayMs;
  throw new JobsError("RETRY_INVALID", `${what} takes a number of milliseconds from 0 to 365 days.`);
}
