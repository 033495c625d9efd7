import type { Pool } from "pg";
import { askJobs } from "../database/ask-jobs.ts";
import { isUnanswered, promptlyMs } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import { JobsError } from "../errors.ts";
import { placesByIndex, placesByScan, type JobPlace } from "../graphile/find-job.ts";
import { isJobId } from "./check-filter.ts";

const scanWithinMs = 2_000;

/**
 * Where the jobs with these ids are, each of them once. Those that are not in the queue are left out.
 *
 * @throws {@link JobsError} `JOB_SEARCH_TIMEOUT`.
 */
export async function findPlaces(pool: () => Pool, given: readonly string[]): Promise<readonly JobPlace[]> {
  const asked = [...new Set(given.map(normalizeId))];
  const ids = asked.filter((id) => !isJobId(id));
  const indexed = ids.length === 0 ? new Map<string, JobPlace>() : await askJobs(pool, (db) => placesByIndex(db, ids));
  const left = ids.filter((id) => !indexed.has(id));
  const scanned = left.length === 0 ? new Map<string, JobPlace>() : await scan(pool, left);
  const places = [
    ...[...indexed.values(), ...scanned.values()].map((place): [string, JobPlace] => [place.jobId, place]),
    ...asked.filter(isJobId).map((jobId): [string, JobPlace] => [jobId, { jobId }]),
  ];
  return [...new Map(places).values()].toSorted(byNumber);
}

/** The form in which an id is stored: in lower case, and numbers without leading zeros. */
export function normalizeId(id: string): string {
  if (isJobId(id)) return String(BigInt(id));
  return isUuid(id) ? id.toLowerCase() : id;
}

export function isUuid(id: string): boolean {
  return /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id);
}

async function scan(pool: () => Pool, ids: readonly string[]): Promise<ReadonlyMap<string, JobPlace>> {
  const withinMs = ids.length === 1 ? scanWithinMs : promptlyMs;
  const search = async (db: Queryable) => {
    try {
      return await placesByScan(db, ids);
    } catch (error) {
      throw isUnanswered(error) ? searchTimeout(error, withinMs) : error;
    }
  };
  return askJobs(pool, search, withinMs);
}

function searchTimeout(cause: unknown, withinMs: number): JobsError {
  return new JobsError(
    "JOB_SEARCH_TIMEOUT",
    `There are too many jobs to find one by this id within ${withinMs} ms. Use its number, which is jobId in the log and in lists.`,
    { cause },
  );
}

function byNumber(a: JobPlace, b: JobPlace): number {
  return BigInt(a.jobId) < BigInt(b.jobId) ? -1 : 1;
}
