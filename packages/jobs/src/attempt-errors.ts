/** Thrown by a task: this job will never succeed. It becomes a dead letter at once. */
export class NonRetryableError extends Error {
  override readonly name: string = "NonRetryableError";
}

/** Thrown by a task: try again, but in `delayMs` milliseconds, whatever the policy says. Uses an attempt. */
export class RetryAfterError extends Error {
  override readonly name: string = "RetryAfterError";
  readonly delayMs: number;

  constructor(delayMs: number, message = "The task asked for another attempt later.", options?: ErrorOptions) {
    super(message, options);
    this.delayMs = delayMs;
  }
}

/** What {@link snooze} makes. */
export class SnoozeError extends Error {
  override readonly name: string = "SnoozeError";
  readonly delayMs: number;

  constructor(delayMs: number) {
    super("The task put the job off.");
    this.delayMs = delayMs;
  }
}

/**
 * Puts the job off by `delayMs` milliseconds without using an attempt: `throw snooze(60_000)`.
 *
 * For "not yet", not for failures: a job may be put off without end.
 */
export function snooze(delayMs: number): SnoozeError {
  return new SnoozeError(delayMs);
}
