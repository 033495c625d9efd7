import type { Pool } from "pg";
import { addJobs } from "../graphile/add-jobs.ts";
import { withQueryTimeout, promptlyMs } from "../database/query-timeout.ts";
import type { JobRequest } from "../job/job-request.ts";
import type { Queryable } from "../database/queryable.ts";
import { beginTransaction, type OpenTransaction } from "../database/transaction.ts";
import { claimFromOutbox } from "./claim-rows.ts";
import { findOutboxWithRows, removeFromOutbox } from "./outbox-table.ts";
import { bury, isAboutTheRows } from "./refused-row.ts";
import { take } from "./moved-ids.ts";

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

/**
 * Moves one batch from the outbox to the jobs.
 *
 * The order of the steps is the guarantee. The transaction on the jobs side is open before a row is claimed; it
 * remembers the ids it takes, and adds jobs only for ids not taken before; the rows are removed after its commit.
 * Whatever dies in between leaves the rows where they were, and their ids remembered if the jobs are there.
 *
 * @throws {@link BatchRefusedError} when several rows were claimed and one of them is refused, or all take too long: try fewer.
 */
export async function moveBatch(pools: RelayPools, batchSize: number): Promise<MovedBatch> {
  const outboxId = await findOutboxWithRows(withQueryTimeout(pools.outbox, promptlyMs));
  if (outboxId === undefined) return { movedCount: 0, refused: [] };
  await using jobs = await beginTransaction(pools.jobs, asRelay);
  await using outbox = await beginTransaction(pools.outbox, asRelay);
  let rowCount = batchSize;
  try {
    const requests = await claimFromOutbox(outbox, batchSize);
    rowCount = requests.length;
    return await moveRows({ jobs, outbox }, outboxId, requests, batchSize === 1);
  } catch (error) {
    // Whichever step it was: of fewer rows each is quicker.
    throw rowCount > 1 && tookTooLong(error) ? new BatchRefusedError(rowCount, error) : error;
  }
}

async function moveRows(
  { jobs, outbox }: { readonly jobs: OpenTransaction; readonly outbox: OpenTransaction },
  outboxId: string,
  requests: readonly JobRequest[],
  isLast: boolean,
): Promise<MovedBatch> {
  // Written once for both sides; a driver would look for quotes in each of them.
  const ids = `{${requests.map(({ id }) => id).join(",")}}`;
  const repeated = await take(jobs, outboxId, ids);
  const fresh = repeated.size === 0 ? requests : requests.filter(({ id }) => !repeated.has(id));
  const refused = await add(jobs, fresh, { isLast });
  await jobs.commit();

  await removeFromOutbox(outbox, ids);
  await outbox.commit();
  return { movedCount: requests.length, refused };
}

/** @param options.isLast - Fewer rows cannot be tried: the one that is refused becomes a dead letter. */
async function add(
  jobs: Queryable,
  requests: readonly JobRequest[],
  { isLast }: { readonly isLast: boolean },
): Promise<MovedBatch["refused"]> {
  const [request] = requests;
  if (request === undefined) return [];
  if (isLast) await jobs.query("savepoint before_add");
  try {
    await addJobs(jobs, requests);
    return [];
  } catch (reason) {
    if (!isAboutTheRows(reason)) throw reason;
    if (!isLast) throw new BatchRefusedError(requests.length, reason);
    await jobs.query("rollback to savepoint before_add");
    await bury(jobs, request, reason);
    return [{ request, reason }];
  }
}

/** PostgreSQL has ended the statement, or the transaction, after the time that it may take. */
function tookTooLong(error: unknown): boolean {
  return /^(?:57014|25P04)$/.test(String((error as { readonly code?: unknown } | null)?.code));
}
