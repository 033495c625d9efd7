import { addJobs } from "../graphile-jobs.ts";
import type { JobRequest } from "../job-request.ts";
import type { Pool } from "pg";
import type { Queryable } from "../queryable.ts";
import { beginTransaction } from "../transaction.ts";
import { claimFromOutbox, removeFromOutbox } from "./outbox.ts";

export interface RelayPools {
  readonly outbox: Pool;
  readonly jobs: Pool;
}

/**
 * No transaction of a relay lives longer: the server ends an idle one. What the jobs side remembers is kept for a day,
 * so a relay that was paused for longer than everything else repeats nothing.
 */
const longestIdleMs = 60_000;
const settings = `set local idle_in_transaction_session_timeout = ${longestIdleMs}; set local statement_timeout = ${longestIdleMs}`;

/**
 * Moves one batch from the outbox to the jobs.
 *
 * The order of the steps is the guarantee. The transaction on the jobs side is open before a row is claimed; it
 * remembers the ids it takes, and adds jobs only for ids not taken before; the rows are removed after its commit.
 * Whatever dies in between leaves the rows where they were, and their ids remembered if the jobs are there.
 *
 * @returns how many rows were moved
 */
export async function moveBatch(pools: RelayPools, batchSize: number): Promise<number> {
  if (!(await hasRows(pools.outbox))) return 0;
  await using jobs = await beginTransaction(pools.jobs, settings);
  await using outbox = await beginTransaction(pools.outbox, settings);

  const requests = await claimFromOutbox(outbox, batchSize);
  const ids = requests.map(({ id }) => id);
  await addOnce(jobs, requests, ids);
  await jobs.commit();

  await removeFromOutbox(outbox, ids);
  await outbox.commit();
  return requests.length;
}

/** Spares the jobs database a visit when there is nothing to bring. The newest first: before the oldest lie the removed ones. */
async function hasRows(outbox: Queryable): Promise<boolean> {
  const { rows } = await outbox.query(
    "select exists (select 1 from acme_jobs.outbox order by position desc limit 1) as exists",
  );
  return rows[0]?.["exists"] === true;
}

async function addOnce(jobs: Queryable, requests: readonly JobRequest[], ids: readonly string[]): Promise<void> {
  const { rows } = await jobs.query(
    "insert into acme_jobs.taken (id) select unnest($1::uuid[]) on conflict do nothing returning id",
    [ids],
  );
  const fresh = new Set(rows.map((row) => String(row["id"])));
  const toAdd = requests.filter(({ id }) => fresh.has(id));
  if (toAdd.length > 0) await addJobs(jobs, toAdd);
}

/** Forgets some of what was taken more than a day ago, and says how much. */
export async function forgetTaken(jobs: Queryable): Promise<number> {
  const { rows } = await jobs.query(`
    with forgotten as (
      delete from acme_jobs.taken where id in (
        select id from acme_jobs.taken where taken_at < now() - interval '1 day' order by taken_at limit 10000
      )
      returning 1
    )
    select count(*)::int as count from forgotten`);
  return Number(rows[0]?.["count"]);
}
