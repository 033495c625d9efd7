import { checkNames } from "../check-options.ts";
import { JobsError } from "../errors.ts";
import { isInfrastructureError } from "./infrastructure-error.ts";
import { isNetworkError } from "./network-error.ts";

/** How often, how far apart and for which errors an attempt is repeated. Made by {@link retry}. */
export interface RetryPolicy {
  /** Runs in total, from 1. */
  readonly attempts: number;
  /** Milliseconds to wait after the given failed attempt (from 1). `random` is a number from 0 up to 1. */
  readonly delayMs: (attempt: number, random?: () => number) => number;
  /** Whether the error is worth another attempt. */
  readonly isRetryable: (error: unknown) => boolean;
}

type ErrorClass = abstract new (...args: never[]) => unknown;

/**
 * Settings of every builder of a retry policy.
 *
 * @example
 * retry.schedule([1_000, 60_000], { jitter: 0.1, on: [GatewayTimeoutError] });
 */
export interface RetryOptions {
  /**
   * Which errors are worth another attempt: classes, or a predicate. Default: all but `NonRetryableError`. An error that
   * {@link isInfrastructureError} recognizes is always retried: if a server restarts, that says nothing about the job.
   */
  readonly on?: readonly ErrorClass[] | ((error: unknown) => boolean);
  /**
   * How much of the delay is added at random, from 0 to 1: 0.2 makes 60 s into 60 to 72 s. Never shortens the delay.
   * Default: 0.
   */
  readonly jitter?: number;
}

/**
 * Settings of `retry.fixed`.
 *
 * @example
 * retry.fixed({ attempts: 3, delayMs: 5_000 });
 */
export interface FixedRetryOptions extends RetryOptions {
  /** Runs in total, 1 to 1,000. */
  readonly attempts: number;
  /** Milliseconds between two attempts, 0 to 365 days. */
  readonly delayMs: number;
}

/**
 * Settings of `retry.linear` and `retry.exponential`.
 *
 * @example
 * retry.exponential({ attempts: 8, delayMs: 1_000, maxDelayMs: 60_000 });
 */
export interface GrowingRetryOptions extends FixedRetryOptions {
  /** Where the growth ends, before jitter is added. Default: 24 hours. */
  readonly maxDelayMs?: number;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const longestDelayMs = 365 * day;
const mostAttempts = 1000;

const commonNames = ["on", "jitter"] satisfies (keyof RetryOptions)[];
const fixedNames = [...commonNames, "attempts", "delayMs"] satisfies (keyof FixedRetryOptions)[];
const growingNames = [...fixedNames, "maxDelayMs"] satisfies (keyof GrowingRetryOptions)[];

function fixed(options: FixedRetryOptions): RetryPolicy {
  checkNames(options, { what: "retry.fixed()", known: fixedNames, code: "RETRY_INVALID" });
  return policy(options.attempts, options, () => options.delayMs);
}

function linear(options: GrowingRetryOptions): RetryPolicy {
  checkNames(options, { what: "retry.linear()", known: growingNames, code: "RETRY_INVALID" });
  const { delayMs, maxDelayMs = day } = options;
  return policy(options.attempts, options, (attempt) => Math.min(maxDelayMs, delayMs * attempt));
}

function exponential(options: GrowingRetryOptions): RetryPolicy {
  checkNames(options, { what: "retry.exponential()", known: growingNames, code: "RETRY_INVALID" });
  const { delayMs, maxDelayMs = day } = options;
  return policy(options.attempts, options, (attempt) => Math.min(maxDelayMs, delayMs * 2 ** (attempt - 1)));
}

function schedule(delaysMs: readonly number[], options: RetryOptions = {}): RetryPolicy {
  checkNames(options, { what: "retry.schedule()", known: commonNames, code: "RETRY_INVALID" });
  const delays = [...delaysMs];
  return policy(delays.length + 1, options, (attempt) => delays[attempt - 1] ?? 0);
}

/**
 * What {@link retry} has: four builders of policies, and five presets.
 *
 * @example
 * ```ts
 * defineTask("send_receipt", { payload: z.object({ orderId: z.uuid() }), retry: retry.network });
 * ```
 */
export interface RetryPolicies {
  /**
   * The same delay after every attempt.
   *
   * @throws {@link JobsError} `RETRY_INVALID`
   */
  readonly fixed: (options: FixedRetryOptions) => RetryPolicy;
  /**
   * `delayMs`, twice, three times `delayMs` …, up to `maxDelayMs`.
   *
   * @throws {@link JobsError} `RETRY_INVALID`
   */
  readonly linear: (options: GrowingRetryOptions) => RetryPolicy;
  /**
   * `delayMs`, doubled after every attempt, up to `maxDelayMs`.
   *
   * @throws {@link JobsError} `RETRY_INVALID`
   */
  readonly exponential: (options: GrowingRetryOptions) => RetryPolicy;
  /**
   * The delays one by one: `n` delays make `n + 1` attempts.
   *
   * @throws {@link JobsError} `RETRY_INVALID`
   */
  readonly schedule: (delaysMs: readonly number[], options?: RetryOptions) => RetryPolicy;
  /** One attempt: whatever fails is a dead letter. */
  readonly never: RetryPolicy;
  /** 4 attempts within seconds, after any error. */
  readonly quick: RetryPolicy;
  /** 5 attempts within 15 minutes, after errors of a network and of servers that are not there for the moment. */
  readonly network: RetryPolicy;
  /** 10 attempts within an hour and a half, after any error. */
  readonly standard: RetryPolicy;
  /** 20 attempts within 3 days, after any error. */
  readonly patient: RetryPolicy;
}

/**
 * Retry policies.
 *
 * | preset | attempts | waits | keeps trying for | which errors |
 * |---|---|---|---|---|
 * | `never` | 1 | – | – | none |
 * | `quick` | 4 | 1 s, 2 s, 4 s | 7 s | all |
 * | `network` | 5 | 60 s, 2, 4, 8 min | 15 min | connection errors, timeouts, SMTP 4xx, HTTP 408, 429, 502, 503 and 504 |
 * | `standard` | 10 | 10 s doubling, at most 1 h | 1 h 25 min | all |
 * | `patient` | 20 | 1 min doubling, at most 6 h | 3 days | all |
 *
 * Jitter lengthens the waits of a preset by up to a tenth. A delay is never shorter than the policy says.
 *
 * @throws {@link JobsError} `RETRY_INVALID` for numbers out of range.
 * @example
 * ```ts
 * retry.exponential({ attempts: 5, delayMs: 60_000, jitter: 0.1, on: [GatewayTimeoutError] });
 * ```
 */
export const retry: RetryPolicies = {
  fixed,
  linear,
  exponential,
  schedule,
  never: fixed({ attempts: 1, delayMs: 0 }),
  quick: exponential({ attempts: 4, delayMs: second, jitter: 0.1 }),
  network: exponential({ attempts: 5, delayMs: minute, jitter: 0.1, on: isNetworkError }),
  standard: exponential({ attempts: 10, delayMs: 10 * second, maxDelayMs: hour, jitter: 0.1 }),
  patient: exponential({ attempts: 20, delayMs: minute, maxDelayMs: 6 * hour, jitter: 0.1 }),
};

function policy(attempts: number, options: RetryOptions, baseDelayMs: (attempt: number) => number): RetryPolicy {
  const { jitter = 0, on } = options;
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > mostAttempts) {
    throw new JobsError("RETRY_INVALID", `"attempts" must be a whole number from 1 to ${mostAttempts}: runs in total.`);
  }
  if (!(jitter >= 0 && jitter <= 1)) {
    throw new JobsError(
      "RETRY_INVALID",
      `"jitter" must be a number from 0 to 1: how much of the delay is added at random.`,
    );
  }
  for (let attempt = 1; attempt < attempts; attempt++) {
    const delayMs = baseDelayMs(attempt);
    if (!(delayMs >= 0 && delayMs <= longestDelayMs)) {
      throw new JobsError("RETRY_INVALID", `The delay after attempt ${attempt} is not between 0 ms and 365 days.`);
    }
  }
  return Object.freeze({
    attempts,
    delayMs: (attempt: number, random: () => number = Math.random) => {
      const base = baseDelayMs(attempt);
      return Math.round(base + base * jitter * random());
    },
    isRetryable: orInfrastructure(predicate(on)),
  });
}

function orInfrastructure(isWanted: (error: unknown) => boolean): (error: unknown) => boolean {
  return (error) => isInfrastructureError(error) || isWanted(error);
}

function predicate(on: RetryOptions["on"]): (error: unknown) => boolean {
  if (on === undefined) return () => true;
  if (typeof on === "function") return on;
  const classes = [...on];
  return (error) => classes.some((errorClass) => error instanceof errorClass);
}
