import type { Pool } from "pg";
import { addJobs } from "../graphile/add-jobs.ts";
import { withQueryTimeout, promptlyMs } from "../database/query-timeout.ts";
import type { JobRequest } from "../job/job-request.ts";
import type { Queryable } from "../database/queryable.ts";
import { beginTransaction, type OpenTransaction } from "../database/transaction.ts";
import { claimFromOutbox, type Claim } from "./claim-rows.ts";
import { findOutboxWithRows, removeFromOutbox } from "./outbox-table.ts";
import { isAboutTheRows } from "../database/database-errors.ts";
import { keepAsDeadLetter } from "./refused-row.ts";
import { take } from "./moved-ids.ts";
import { writeMarkSql } from "../database/standby-waits.ts";

export interface RelayPools {
  readonly outbox: Pool;
  readonly jobs: Pool;
}

/**
 * No transaction of a relay lives longer: the server ends an idle one. What the jobs side remembers is kept for a day
 * at least, so a relay that was paused for longer than everything else repeats nothing.
 */
export const longestMoveMs = 60_000;
// Whatever the databases have as their default: see the claim.
const settings = `set transaction isolation level read committed; set local idle_in_transaction_session_timeout = ${longestMoveMs}; set local statement_timeout = ${longestMoveMs}`;
/** The server's own limit comes first, where there is a server. */
const asRelay = { settings, statementMs: longestMoveMs + 5_000 };

/** What was moved; rows that no job can be made of are dead letters now. */
export interface MovedBatch {
  readonly movedCount: number;
  /** Another relay has some of the keys that were to be moved. */
  readonly isContended: boolean;
  /** Rows were left since they were too large for this batch. */
  readonly isCut: boolean;
  readonly refused: readonly { readonly request: JobRequest; readonly reason: unknown }[];
}

/** The jobs database does not take one of the rows, or not so many in the time there is, so it took none of them. */
export class BatchRefusedError extends Error {
  readonly rowCount: number;

  constructor(rowCount: number, cause: unknown) {
    super(`The jobs database did not take ${rowCount} outbox rows.`, { cause });
    this.rowCount = rowCount;
  }
}

/** Somebody else's transaction seems to hold one of these keys. */
export class KeysHeldError extends Error {
  readonly keys: readonly string[];

  constructor(keys: readonly string[], cause: unknown) {
    super("Another transaction holds the key of an outbox row.", { cause });
    this.keys = keys;
  }
}

/**
 * Moves one batch from the outbox to the jobs.
 *
 * The order of the steps is the guarantee. The transaction on the jobs side is open before a row is claimed; it
 * remembers the ids it takes, and adds jobs only for ids not taken before; the rows are removed after its commit.
 * Whatever dies in between leaves the rows where they were, and their ids remembered if the jobs are there. With
 * synchronous standbys, a row is claimed once those of its server have it, and removed once those of the jobs have its
 * job: what is only seen may be of a COMMIT whose wait for them was ended, and a failover may lose it.
 *
 * @throws {@link BatchRefusedError} if several rows were claimed and one of them is refused, or all take too long: try fewer; {@link KeysHeldError} if
 *   one of their keys may be held: try fewer of them.
 */
export async function moveBatch(pools: RelayPools, claim: Claim): Promise<MovedBatch> {
  const found = await findOutboxWithRows(withQueryTimeout(pools.outbox, promptlyMs));
  if (found === undefined) return { movedCount: 0, isContended: false, isCut: false, refused: [] };
  await using jobs = await beginTransaction(pools.jobs, asRelay);
  await using outbox = await beginTransaction(pools.outbox, { ...asRelay, isBehindStandbys: found.hasStandbys });
  let rowCount = claim.batchSize;
  let keys: readonly string[] = [];
  try {
    const { requests, isContended, isCut } = await claimFromOutbox(outbox, claim);
    rowCount = requests.length;
    keys = keysOf(requests);
    const refused = await moveRows({ jobs, outbox, outboxId: found.id }, requests, claim);
    return { movedCount: requests.length, isContended, isCut, refused };
  } catch (error) {
    if (isLockTimeout(error) && keys.length > 0) throw new KeysHeldError(keys, error);
    // Whichever step it was: of fewer rows each is quicker.
    throw rowCount > 1 && tookTooLong(error) ? new BatchRefusedError(rowCount, error) : error;
  }
}

function keysOf(requests: readonly JobRequest[]): string[] {
  return [...new Set(requests.flatMap(({ settings: { key } }) => key ?? []))];
}

interface OpenMove {
  readonly jobs: OpenTransaction;
  readonly outbox: OpenTransaction;
  readonly outboxId: string;
}

async function moveRows(
  { jobs, outbox, outboxId }: OpenMove,
  requests: readonly JobRequest[],
  claim: Claim,
): Promise<MovedBatch["refused"]> {
  // Written once for both sides; a driver would look for quotes in each of them.
  const ids = `{${requests.map(({ id }) => id).join(",")}}`;
  const repeated = await take(jobs, outboxId, ids);
  const fresh = repeated.size === 0 ? requests : requests.filter(({ id }) => !repeated.has(id));
  const refused = await add(jobs, fresh, claim);
  // Their jobs are here; COMMIT now waits until the standbys have them, too.
  if (repeated.size > 0) await jobs.query(writeMarkSql);
  await jobs.commit();

  await removeFromOutbox(outbox, ids);
  await outbox.commit();
  return refused;
}

async function add(
  jobs: Queryable,
  requests: readonly JobRequest[],
  { batchSize, waitMs }: Claim,
): Promise<MovedBatch["refused"]> {
  const [request] = requests;
  if (request === undefined) return [];
  // Fewer rows than one cannot be tried: if it is refused, it becomes a dead letter.
  const isLast = batchSize === 1;
  const areKeyed = keysOf(requests).length > 0;
  // A transaction that holds one key must not hold up all rows for as long as it is open.
  if (areKeyed) await jobs.query(`set local lock_timeout = ${waitMs}`);
  if (isLast) await jobs.query("savepoint before_add");
  try {
    await addJobs(jobs, requests);
    // COMMIT waits for locks, too: for the one that all notifications of the server share. That is no held key.
    if (areKeyed) await jobs.query("set local lock_timeout = 0");
    return [];
  } catch (reason) {
    if (!isAboutTheRows(reason)) throw reason;
    if (!isLast) throw new BatchRefusedError(requests.length, reason);
    await jobs.query("rollback to savepoint before_add");
    await keepAsDeadLetter(jobs, request, reason);
    return [{ request, reason }];
  }
}

/** PostgreSQL has ended the statement, the transaction, or a wait for a lock, after the time that it may take. */
function tookTooLong(error: unknown): boolean {
  return /^(?:57014|25P04)$/.test(codeOf(error)) || isLockTimeout(error);
}

function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === "55P03";
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown } | null)?.code);
}
