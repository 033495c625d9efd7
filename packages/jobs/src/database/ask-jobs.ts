import type { Pool } from "pg";
import { JobsError } from "../errors.ts";
import { explainConnection } from "./database-errors.ts";
import { answerWithinMs, withPromisedWrites } from "./query-timeout.ts";
import type { Queryable } from "./queryable.ts";
import { retryConflicts } from "./retry-conflicts.ts";

/** Asks the jobs database, with a timeout for each statement, and waits for its standbys. Each must be a transaction of its own: conflicts repeat the work. */
export async function askJobs<Result>(
  pool: () => Pool,
  work: (db: Queryable) => Promise<Result>,
  withinMs = answerWithinMs,
): Promise<Result> {
  try {
    return await retryConflicts(() => work(withPromisedWrites(pool(), withinMs)));
  } catch (error) {
    // One of ours says what to do already, whatever its cause is.
    throw error instanceof JobsError ? error : explainConnection(error, false);
  }
}
