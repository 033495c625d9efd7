import type { JobRequest } from "../job/job-request.ts";
import { addDeadLettersSql } from "../database/dead-letter-rows.ts";
import { isAboutTheRows } from "../database/database-errors.ts";
import type { Queryable } from "../database/queryable.ts";

const deadLetterSql = (payload: string) =>
  addDeadLettersSql(`values ($1, $2, ${payload}, $4, $5, $6, $7, 0, '[]', now(), $8::text[])`);

/**
 * Keeps a row that no job can be made of where people look for what has failed, and out of the way of the others. A payload that this server cannot even
 * read as JSON is kept as text.
 */
export async function keepAsDeadLetter(jobs: Queryable, request: JobRequest, reason: unknown): Promise<void> {
  const { id, payload, settings } = request;
  const { task, queue, key, priority, flags } = settings;
  const why = `Refused by the jobs database: ${messageOf(reason)}`;
  const values = [id, task, payload, queue, key, priority ?? 0, why, flags];
  await jobs.query("savepoint before_dead_letter");
  try {
    await jobs.query(deadLetterSql("$3::json"), values);
  } catch (error) {
    if (!isAboutTheRows(error)) throw error;
    await jobs.query("rollback to savepoint before_dead_letter");
    await jobs.query(deadLetterSql("to_json($3::text)"), values);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
