import { isAttemptError, NonRetryableError, RetryAfterError, SnoozeError } from "./attempt-errors.ts";
import { JobsError } from "../errors.ts";
import { isOwnPayloadRefused } from "./own-payload.ts";
import type { RetryPolicy } from "./retry.ts";

/** What happens with a job whose attempt did not succeed. */
export type Outcome =
  | {
      readonly kind: "retry";
      readonly delayMs: number;
      /** Attempts that count as used. The number of the next attempt is one more. */
      readonly attemptsUsed: number;
    }
  | { readonly kind: "dead"; readonly attemptsUsed: number };

/** The attempt that did not succeed, and the policy of its task. */
export interface FailedRun {
  readonly attempt: number;
  readonly policy: RetryPolicy;
  readonly random?: () => number;
}

/** Decides by the error first, then by the task's policy. Never throws, whatever was thrown. */
export function decideOutcome(error: unknown, failed: FailedRun): Outcome {
  try {
    return decide(error, failed);
  } catch {
    // An error whose properties throw cannot have asked for a delay or for no retry.
    return decide(new Error("What was thrown cannot be read."), failed);
  }
}

function decide(error: unknown, { attempt, policy, random = Math.random }: FailedRun): Outcome {
  const dead: Outcome = { kind: "dead", attemptsUsed: attempt };
  const retryIn = (delayMs: number, attemptsUsed = attempt): Outcome => ({
    kind: "retry",
    delayMs: Number.isFinite(delayMs) ? Math.max(0, delayMs) : 0,
    attemptsUsed,
  });

  if (isAttemptError(error, SnoozeError)) return retryIn(error.delayMs, attempt - 1);
  if (error instanceof JobsError && error.code === "WORKER_STOPPING") return retryIn(0, attempt - 1);
  // Thrown instead of an attempt: those before it were used up.
  if (error instanceof JobsError && error.code === "WORKER_DIED") return { kind: "dead", attemptsUsed: attempt - 1 };
  if (isOwnPayloadRefused(error)) return dead;
  if (isAttemptError(error, NonRetryableError)) return dead;
  if (attempt >= policy.attempts) return dead;
  if (isAttemptError(error, RetryAfterError)) return retryIn(error.delayMs);
  return isRetryable(error, policy) ? retryIn(policy.delayMs(attempt, random)) : dead;
}

/** If the predicate itself throws, the error counts as retryable. */
function isRetryable(error: unknown, policy: RetryPolicy): boolean {
  try {
    return policy.isRetryable(error);
  } catch {
    return true;
  }
}
