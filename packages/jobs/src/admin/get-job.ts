import type { Pool } from "pg";
import { askJobs } from "../database/ask-jobs.ts";
import { explainConnection } from "../database/database-errors.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { findLetter } from "../dead-letters/letter-rows.ts";
import { JobsError } from "../errors.ts";
import { findJob, type JobPlace } from "../graphile/find-job.ts";
import { payloadOfJob } from "../graphile/job-payload.ts";
import { findOutboxRow, type OutboxRow } from "../outbox/outbox-rows.ts";
import { checkId } from "./check-filter.ts";
import { findPlaces, isUuid, normalizeId } from "./find-places.ts";
import type { JobDetails } from "./job-details.ts";

interface Databases {
  readonly jobs: () => Pool;
  readonly outbox: (() => Pool) | undefined;
}

/** As {@link JobDetails}, with the payload of what has one at hand. */
type Found =
  | Extract<JobDetails, { in: "queue" }>
  | { readonly in: "outbox"; readonly row: OutboxRow; readonly payload: unknown }
  | {
      readonly in: "deadLetters";
      readonly letter: Extract<JobDetails, { in: "deadLetters" }>["letter"];
      readonly payload: unknown;
    };

export async function getJob(databases: Databases, id: string): Promise<JobDetails | undefined> {
  const found = await find(databases, id);
  if (found?.in === "outbox") return { in: found.in, row: found.row };
  if (found?.in === "deadLetters") return { in: found.in, letter: found.letter };
  return found;
}

export async function getPayload(databases: Databases, id: string): Promise<unknown> {
  const found = await find(databases, id);
  if (found === undefined) throw missing();
  if (found.in !== "queue") return found.payload;
  if (found.job.state === "locked") throw locked();
  const payload = await payloadOf(databases.jobs, found.job);
  if (payload !== undefined) return JSON.parse(payload) as unknown;
  const after = await askJobs(databases.jobs, (db) => findJob(db, found.job));
  throw after === undefined ? missing() : locked();
}

/** In the order in which a job goes from one to the next, so that one on its way is not missed. */
async function find({ jobs, outbox }: Databases, given: string): Promise<Found | undefined> {
  checkId(given);
  const id = normalizeId(given);
  // A number is told at once, whether or not the outbox answers.
  const waiting = outbox && isUuid(id) ? await lookInOutbox(outbox, id) : undefined;
  if (waiting && "row" in waiting) return { in: "outbox", ...waiting };
  const found = (await letterOf(jobs, id)) ?? (await queued(jobs, id)) ?? (await letterOf(jobs, id));
  if (found === undefined && waiting) throw waiting.error;
  return found;
}

/** What is wrong with the outbox is told only if the job is nowhere else. */
async function lookInOutbox(outbox: () => Pool, id: string) {
  try {
    return await findOutboxRow(withQueryTimeout(outbox()), id);
  } catch (error) {
    return { error };
  }
}

async function queued(pool: () => Pool, id: string): Promise<Found | undefined> {
  const [place] = await findPlaces(pool, [id]);
  const found = place && (await askJobs(pool, (db) => findJob(db, place)));
  return found && { in: "queue", ...found };
}

async function letterOf(pool: () => Pool, id: string): Promise<Found | undefined> {
  const found = await askJobs(pool, (db) => findLetter(db, id));
  if (found === undefined) return undefined;
  const { payload, ...letter } = found;
  return { in: "deadLetters", letter, payload };
}

async function payloadOf(pool: () => Pool, place: JobPlace): Promise<string | undefined> {
  try {
    return await payloadOfJob(pool(), place);
  } catch (error) {
    throw explainConnection(error, false);
  }
}

function missing(): JobsError {
  return new JobsError("JOB_MISSING", "There is no job with this id: it is done, was discarded, or never existed.");
}

function locked(): JobsError {
  return new JobsError(
    "JOB_LOCKED",
    "A worker has the job, so its payload cannot be read now. Try again when the attempt has ended.",
  );
}
