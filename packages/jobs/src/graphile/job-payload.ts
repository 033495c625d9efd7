import type { Pool } from "pg";
import { connectIdle } from "../database/connect-idle.ts";
import { idOfJob } from "./add-jobs.ts";
import type { JobPlace } from "./find-job.ts";
import { promptlyMs, sendWithTimeout } from "../database/query-timeout.ts";

/**
 * Reads the payload of a free job. It is in no view, but in what a function returns that changes the job: with nothing to change,
 * and in a transaction that is rolled back.
 *
 * All is sent at once, so the server gets to the rollback whatever becomes of this process, and the row is locked for a
 * moment only. After an error the connection is closed, so the transaction never outlives the call.
 *
 * @returns the payload as JSON, or `undefined` if the number belongs to no job or to another one, or somebody has locked it.
 */
export async function payloadOfJob(pool: Pool, { jobId, id }: JobPlace): Promise<string | undefined> {
  const client = await connectIdle(pool);
  let failure: unknown;
  try {
    // Several statements at once cannot have values. A bigint in its text form contains digits only.
    const text = `begin; set local lock_timeout = 1000;
      select payload::text, flags::text from graphile_worker.reschedule_jobs(array[${BigInt(jobId)}::bigint]) where locked_at is null; rollback`;
    const results = (await sendWithTimeout({ pool, client }, { text }, promptlyMs)) as unknown as readonly {
      readonly rows: readonly { readonly payload: string; readonly flags: string | null }[];
    }[];
    const [row] = results.flatMap(({ rows }) => rows);
    return row !== undefined && idOfJob(row.flags) === id ? row.payload : undefined;
  } catch (error) {
    failure = error;
    if (isLockTimeout(error)) return undefined;
    throw error;
  } finally {
    client.release(failure !== undefined);
  }
}

function isLockTimeout(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "55P03";
}
