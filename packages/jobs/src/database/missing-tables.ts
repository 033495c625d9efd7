import { JobsError } from "../errors.ts";
import type { Queryable } from "./queryable.ts";

const missingObjectCodes = new Set(["3F000", "42P01", "42883", "42703", "42704"]);

/** Runs a statement. @throws `MIGRATION_MISSING` if a table, column or function that it needs is missing. */
export async function queryMigrated(db: Queryable, text: string, values: readonly unknown[] = []) {
  try {
    return (await db.query(text, values)).rows;
  } catch (error) {
    if (!missingObjectCodes.has(String((error as { code?: unknown } | null)?.code))) throw error;
    throw migrationMissing({ cause: error });
  }
}

export function migrationMissing(options?: ErrorOptions): JobsError {
  return new JobsError(
    "MIGRATION_MISSING",
    "The tables of @acme/jobs are not in this database, or are older than the package. Run `await jobs.migrate()`. " +
      "If the data of this transaction lives in another database than the jobs, give createJobs() an outbox.",
    options,
  );
}
