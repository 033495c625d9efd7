import type { Logger } from "@acme/shared/logger";
import type { FailedAttempt } from "../graphile/failure-notes.ts";
import { jobFields } from "./job-fields.ts";

export const dropped = "job dropped: a newer one has taken its key";

type LoggedFailure = Pick<FailedAttempt, "task" | "jobId" | "id" | "origin" | "attempt" | "outcome" | "error">;

/** Says what becomes of a job whose attempt did not succeed. */
export function logFailure(logger: Logger, failed: LoggedFailure): void {
  const { attempt, outcome, error } = failed;
  const fields = jobFields(failed, attempt);
  const withError = { ...fields, err: error };
  if (outcome.kind === "dead") return logger.error(withError, "job failed for good; it is a dead letter now");
  const { delayMs, attemptsUsed } = outcome;
  if (attemptsUsed < attempt) return logger.info({ ...fields, delayMs }, "job put off; the attempt does not count");
  return logger.warn({ ...withError, delayMs }, "job failed; it will be tried again");
}
