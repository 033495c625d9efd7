import { JobsError } from "../errors.ts";
import { isTrue } from "@acme/shared/is-true";
import { batchSql, toBatch } from "../job/job-batch.ts";
import type { JobRequest, JobSettings, WrittenRequests } from "../job/job-request.ts";
import { queryMigrated } from "../database/missing-tables.ts";
import { refuseMemory, type Queryable, type Row } from "../database/queryable.ts";

/**
 * Jobs are added with Graphile Worker's documented SQL. The task's policy decides when a job has failed for good. So Graphile
 * Worker's own limit of attempts is set out of reach: if a worker died in the last of them, nothing would ever run the job, or
 * make it a dead letter.
 */
export const highestMaxAttempts = 32_767;

/**
 * Tells a superseded job: when a newer job takes the key of a locked one, Graphile Worker uses up the attempts of the locked one.
 * A prefetched job gets some back when it is returned. A count of locks never comes near this number.
 */
export const supersededFrom = 32_000;

/**
 * The id is stored as a flag: Graphile Worker keeps flags with a job and hands them to the run, and the payload stays
 * as it is.
 */
export const idFlagPrefix = "acme:id:";

/**
 * The id of a `job` that plain SQL has added. Graphile Worker's numbers start again in a database created anew, and after a
 * failover or a restore that has lost some, they are given out once more: so neither is enough without the time.
 */
export const plainIdSql = `((select id::text from acme_jobs.installation) || ':' || job.id || ':' ||
  (extract(epoch from job.created_at) * 1000000)::bigint)`;

/** The job's number in an id of that shape. */
export const numberInPlainIdSql = String.raw`substring(asked.id from ':(\d{1,18}):\d+$')::bigint`;

/** A job that was replaced through its key keeps its row, and with it the note of the job before. */
export const isNoteOfJobSql = `(
  job.flags ? ('${idFlagPrefix}' || note.idempotency_key)
  or note.idempotency_key = ${plainIdSql}
)`;

/**
 * The properties of a `job_spec` in their documented order. A single job has a statement of its own, because planning the one
 * for many takes longer than adding a job. For the same reason there is one with fewer parameters, which fits most jobs.
 */
const addOneSql =
  ({
    runAt,
    queue,
    key,
    priority,
    preserveRunAt,
  }: Record<"runAt" | "queue" | "key" | "priority" | "preserveRunAt", string>) =>
  (proof: string) => `
  select ${proof} as proof, array[added.key] as keys
  from graphile_worker.add_jobs(array[
    row($1, $2::json, ${queue}, ${runAt}, ${highestMaxAttempts}, ${key}, ${priority}, $3::text[])::graphile_worker.job_spec
  ], ${preserveRunAt}) as added`;
/** Not the time of the transaction, so that jobs which a transaction adds one by one begin in their order. */
const addedAtSql = "statement_timestamp()";
const addPlainSql = addOneSql({
  runAt: addedAtSql,
  queue: "null",
  key: "null",
  priority: "null",
  preserveRunAt: "false",
});
const addSetSql = addOneSql({
  runAt: `coalesce($4::timestamptz, ${addedAtSql})`,
  queue: "$5",
  key: "$6",
  priority: "$7::int",
  preserveRunAt: "$8",
});

/**
 * Graphile Worker assigns ids in the order of its join, which is arbitrary. Times a microsecond apart make the jobs begin in the
 * given order. If they are written in another order, `$4` has the place of each.
 */
const placeSql = "coalesce(($4::int[])[row_number() over ()], row_number() over ())";
const inOrderSql = `coalesce("runAt", ${addedAtSql} - $3::int * interval '1 microsecond') + ${placeSql} * interval '1 microsecond'`;

const addManySql = (proof: string) => `
  select ${proof} as proof, array_agg(added.key) filter (where added.key is not null) as keys
  from graphile_worker.add_jobs(array(
    select row(task, payload, queue, ${inOrderSql}, ${highestMaxAttempts}, key, priority, array['${idFlagPrefix}' || id] || flags)
      ::graphile_worker.job_spec
    from ${batchSql}
  ), $2) as added`;

/**
 * If a job with the same key is locked between two steps of `add_jobs`, that call adds nothing for it. The next call
 * does.
 */
const mostKeyRounds = 10;

const findJobSql = "select from graphile_worker.jobs where flags ? $1 limit 1";

/**
 * Adds jobs on the given connection, in its transaction.
 *
 * @param proofSql - An expression for the same statement to select.
 * @returns the value of the expression, and how to find the jobs until they have run
 * @throws {@link JobsError} `KEY_CONTENDED` if a keyed job could not be added, `MIGRATION_MISSING`.
 */
export async function addJobs(
  db: Queryable,
  requests: readonly JobRequest[],
  proofSql = "null",
): Promise<WrittenRequests> {
  let proof: unknown;
  const adding = { db, proofSql, places: new Map(requests.map((request, index) => [request, index + 1])) };
  for (const round of roundsOfUniqueKeys(requests)) proof = await addRound(adding, round);
  const flag = idFlagPrefix + (requests[0]?.id ?? "");
  return { proof, witness: { text: findJobSql, values: [flag] } };
}

/**
 * Adds one job, unless another job with its key waits or runs, which must be newer.
 *
 * @returns Graphile Worker's id of the job, if it was added.
 */
export async function addUnlessKeyTaken(
  db: Queryable,
  { id, payload, settings }: JobRequest,
): Promise<string | undefined> {
  const { task, runAt, queue, key, priority, flags } = settings;
  const [row] = await queryMigrated(
    db,
    `select added.id::text, added.flags ? $7 as "isAdded" from graphile_worker.add_job(
       $1, $2::json, $3, $4::timestamptz, ${highestMaxAttempts}, $5, $6::int, array[$7] || $8::text[], 'unsafe_dedupe') as added`,
    [task, payload, queue, runAt, key, priority, idFlagPrefix + id, flags],
  );
  return isTrue(row?.["isAdded"]) ? String(row?.["id"]) : undefined;
}

interface Adding {
  readonly db: Queryable;
  readonly proofSql: string;
  /** The place of the request among all of the call, from 1. */
  readonly places: ReadonlyMap<JobRequest, number>;
}

async function addRound(adding: Adding, round: readonly JobRequest[]): Promise<unknown> {
  let pending = round;
  for (let tries = 0; tries < mostKeyRounds; tries++) {
    const row = refuseMemory(await addAtOnce(adding, pending));
    const placed = new Set(row?.["keys"] as string[] | null);
    pending = pending.filter(({ settings: { key } }) => key !== null && !placed.has(key));
    if (pending.length === 0) return row?.["proof"];
  }
  throw new JobsError(
    "KEY_CONTENDED",
    `A job of task "${pending[0]?.settings.task}" could not be added: workers or other transactions kept locking the job with its key. Try again.`,
  );
}

async function addAtOnce(adding: Adding, requests: readonly JobRequest[]): Promise<Row | undefined> {
  const [first] = requests;
  if (first === undefined) return undefined;
  const [row] = requests.length === 1 ? await addOne(adding, first) : await addMany(adding, requests, first.settings);
  return row;
}

function addOne({ db, proofSql }: Adding, { id, payload, settings }: JobRequest): Promise<readonly Row[]> {
  const { task, runAt, queue, key, priority, preserveRunAt, flags } = settings;
  const needed = [task, payload, flags === null ? `{${idFlagPrefix}${id}}` : `{${idFlagPrefix}${id},${flags.slice(1)}`];
  return runAt === null && queue === null && key === null && priority === null
    ? queryMigrated(db, addPlainSql(proofSql), needed)
    : queryMigrated(db, addSetSql(proofSql), [...needed, runAt, queue, key, priority, preserveRunAt]);
}

function addMany(
  { db, proofSql, places }: Adding,
  requests: readonly JobRequest[],
  { preserveRunAt }: JobSettings,
): Promise<readonly Row[]> {
  const own = requests.map((request) => places.get(request) ?? 0);
  // Mostly they are written in the given order, and need no places.
  const isInOrder = own.every((place, index) => place === index + 1);
  const values = [toBatch(requests), preserveRunAt, places.size, isInOrder ? null : own];
  return queryMigrated(db, addManySql(proofSql), values);
}

/**
 * Splits the requests, because `add_jobs` refuses a key twice and has one mode per call. The order is kept for each
 * key.
 */
function roundsOfUniqueKeys(requests: readonly JobRequest[]): (readonly JobRequest[])[] {
  if (requests.every(({ settings }) => settings.key === null)) return [requests];
  const rounds: { readonly preserveRunAt: boolean; readonly requests: JobRequest[] }[] = [];
  const lastRounds = new Map<string, number>();
  for (const request of requests) {
    const { key, preserveRunAt } = request.settings;
    // Behind the round of the same key before, the first one of its mode: rows of two modes in turn are still two rounds.
    let index = key === null ? 0 : (lastRounds.get(key) ?? -1) + 1;
    if (key !== null) while (index < rounds.length && rounds[index]?.preserveRunAt !== preserveRunAt) index += 1;
    const round = rounds[index] ?? { preserveRunAt, requests: [] };
    if (index === rounds.length) rounds.push(round);
    if (key !== null) lastRounds.set(key, index);
    round.requests.push(request);
  }
  // Sorted, because two batches that lock the same keys in different orders would deadlock. By code units, because the order
  // of letters depends on the locale.
  return rounds.map((round) => round.requests.toSorted((a, b) => compare(a.settings.key ?? "", b.settings.key ?? "")));
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

const idFlagStart = `"${idFlagPrefix}`;

/**
 * The id that {@link addJobs} gave the job, or `undefined` for a job added by plain SQL.
 *
 * @param flags - JSON text. It is parsed only if it contains an escape: parsing costs more than everything else here, and ids of
 * this package need no escapes.
 */
export function idOfJob(flags: string | null): string | undefined {
  if (flags === null) return undefined;
  if (flags.includes("\\")) return idAmong(Object.keys(JSON.parse(flags) as object));
  const start = flags.indexOf(idFlagStart);
  if (start === -1) return undefined;
  const idAt = start + idFlagStart.length;
  return flags.slice(idAt, flags.indexOf('"', idAt));
}

function idAmong(flags: readonly string[]): string | undefined {
  return flags.find((flag) => flag.startsWith(idFlagPrefix))?.slice(idFlagPrefix.length);
}
