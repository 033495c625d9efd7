import { JobsError } from "../errors.ts";
import { isTrue } from "@acme/shared/is-true";
import { batchSql, toBatch } from "../job/job-batch.ts";
import type { JobRequest, JobSettings, WrittenRequests } from "../job/job-request.ts";
import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";

/**
 * Adding jobs, in Graphile Worker's documented SQL. The policy of the task decides when a job has failed for good, so
 * Graphile Worker's own limit is out of the way: a worker that dies in the last attempt must not leave a job that
 * nobody sees.
 */
export const highestMaxAttempts = 32_767;

/**
 * A job whose key a newer one has taken while it was locked: Graphile Worker has used up its attempts. One that was
 * prefetched has some given back when it is returned. No count of locks comes near.
 */
export const supersededFrom = 32_000;

/** Graphile Worker keeps flags with a job and hands them to the run: the one place for an id that leaves the payload alone. */
export const idFlagPrefix = "acme:id:";

/** A job that was replaced through its key has kept its row, and with it the note of the one before. */
export const isNoteOfJobSql = `(
  job.flags ? ('${idFlagPrefix}' || note.idempotency_key)
  or note.idempotency_key = (select id::text from acme_jobs.installation) || ':' || job.id
)`;

/**
 * The properties of a `job_spec` in their documented order. One job has a statement of its own, because that for many takes
 * longer to plan than one job to add; and most jobs have one with fewer parameters, for the same reason.
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
    row($1, $2::json, ${queue}, ${runAt}, ${highestMaxAttempts}, ${key}, ${priority}, array[$3])::graphile_worker.job_spec
  ], ${preserveRunAt}) as added`;
/** Not the time of the transaction: jobs that it adds one by one begin in their order. */
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
 * Graphile Worker gives ids in whatever order its join brings; by their times, a microsecond apart, jobs begin as they were given. They need not be written in that
 * order: `$4` has the place of each then.
 */
const placeSql = "coalesce(($4::int[])[row_number() over ()], row_number() over ())";
const inOrderSql = `coalesce("runAt", ${addedAtSql} - $3::int * interval '1 microsecond') + ${placeSql} * interval '1 microsecond'`;

const addManySql = (proof: string) => `
  select ${proof} as proof, array_agg(added.key) filter (where added.key is not null) as keys
  from graphile_worker.add_jobs(array(
    select row(task, payload, queue, ${inOrderSql}, ${highestMaxAttempts}, key, priority, array['${idFlagPrefix}' || id])
      ::graphile_worker.job_spec
    from ${batchSql}
  ), $2) as added`;

/** A keyed job can be locked between two steps of `add_jobs`, which then adds nothing for it; the next call will. */
const mostKeyRounds = 10;

const findJobSql = "select from graphile_worker.jobs where flags ? $1 limit 1";

/**
 * Adds jobs on the connection it is given, in that connection's transaction.
 *
 * @param proofSql - An expression to select along.
 * @returns its value, and how to find the jobs while they have not run
 * @throws {@link JobsError} `KEY_CONTENDED` when a keyed job could not be placed, `MIGRATION_MISSING`.
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
 * Adds one job, unless one of its key waits or runs: that is a newer one.
 *
 * @returns Graphile Worker's id of it, if it was added.
 */
export async function addUnlessKeyTaken(
  db: Queryable,
  { id, payload, settings }: JobRequest,
): Promise<string | undefined> {
  const { task, runAt, queue, key, priority } = settings;
  const [row] = await queryMigrated(
    db,
    `select added.id::text, added.flags ? $7 as "isAdded" from graphile_worker.add_job(
       $1, $2::json, $3, $4::timestamptz, ${highestMaxAttempts}, $5, $6::int, array[$7], 'unsafe_dedupe') as added`,
    [task, payload, queue, runAt, key, priority, idFlagPrefix + id],
  );
  return isTrue(row?.["isAdded"]) ? String(row?.["id"]) : undefined;
}

interface Adding {
  readonly db: Queryable;
  readonly proofSql: string;
  /** From 1, in which they were given. */
  readonly places: ReadonlyMap<JobRequest, number>;
}

async function addRound(adding: Adding, round: readonly JobRequest[]): Promise<unknown> {
  let pending = round;
  for (let tries = 0; tries < mostKeyRounds; tries++) {
    const row = await addAtOnce(adding, pending);
    const placed = new Set(row?.["keys"] as string[] | null);
    pending = pending.filter(({ settings: { key } }) => key !== null && !placed.has(key));
    if (pending.length === 0) return row?.["proof"];
  }
  throw new JobsError(
    "KEY_CONTENDED",
    `A job of task "${pending[0]?.settings.task}" could not be added: others kept taking the job with its key. Try again.`,
  );
}

async function addAtOnce(adding: Adding, requests: readonly JobRequest[]): Promise<Row | undefined> {
  const [first] = requests;
  if (first === undefined) return undefined;
  const [row] = requests.length === 1 ? await addOne(adding, first) : await addMany(adding, requests, first.settings);
  return row;
}

function addOne({ db, proofSql }: Adding, { id, payload, settings }: JobRequest): Promise<readonly Row[]> {
  const { task, runAt, queue, key, priority, preserveRunAt } = settings;
  const needed = [task, payload, idFlagPrefix + id];
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
  // Mostly they are written as they were given, and need not be told apart.
  const isInOrder = own.every((place, index) => place === index + 1);
  const values = [toBatch(requests), preserveRunAt, places.size, isInOrder ? null : own];
  return queryMigrated(db, addManySql(proofSql), values);
}

/** `add_jobs` refuses one key twice and has one mode per call; the order of the requests is kept per key. */
function roundsOfUniqueKeys(requests: readonly JobRequest[]): (readonly JobRequest[])[] {
  if (requests.every(({ settings }) => settings.key === null)) return [requests];
  const rounds: { readonly keys: Set<string>; readonly preserveRunAt: boolean; readonly requests: JobRequest[] }[] = [];
  for (const request of requests) {
    const { key, preserveRunAt } = request.settings;
    const current = rounds.at(-1);
    const fits = current !== undefined && current.preserveRunAt === preserveRunAt && !(key && current.keys.has(key));
    const round = fits ? current : { keys: new Set<string>(), preserveRunAt, requests: [] };
    if (!fits) rounds.push(round);
    if (key) round.keys.add(key);
    round.requests.push(request);
  }
  // Two batches that lock the same keys in different orders would wait for each other. By code units: languages differ.
  return rounds.map((round) => round.requests.toSorted((a, b) => compare(a.settings.key ?? "", b.settings.key ?? "")));
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

const idFlagStart = `"${idFlagPrefix}`;

/**
 * The id that {@link addJobs} gave the job, or `undefined` for a job added by plain SQL.
 *
 * @param flags - As JSON text: to parse it costs more than all else that is done with it, and the ids made here need none.
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
