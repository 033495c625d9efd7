import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import { stillInOutbox } from "./outbox-table.ts";

const takeSql = `
  with fresh as (
    insert into acme_jobs.taken (id, outbox) select unnest($1::uuid[]), $2 on conflict do nothing returning id
  )
  select id from unnest($1::uuid[]) as id where id not in (select id from fresh)`;

/**
 * Remembers that the jobs side has taken these outbox rows, in the transaction that adds their jobs.
 *
 * @param ids - As an array of PostgreSQL.
 * @returns those that had been taken before
 */
export async function take(jobs: Queryable, outbox: string, ids: string): Promise<ReadonlySet<unknown>> {
  const rows = await queryMigrated(jobs, takeSql, [ids, outbox]);
  return new Set(rows.map((row) => row["id"]));
}

const batchSize = 10_000;

/**
 * Forgets some of what was taken from this outbox more than a day ago and is no longer in it, and says how much.
 *
 * A day is longer than any transaction of a relay can live. A row that is still there, since its relay died before removing
 * it and none has run since, would become a second job if its id were forgotten.
 */
export async function forgetTaken(
  { jobs, outbox }: { readonly jobs: Queryable; readonly outbox: Queryable },
  outboxId: string,
): Promise<number> {
  const { rows } = await jobs.query(
    `select id from acme_jobs.taken where outbox = $1 and taken_at < now() - interval '1 day'
     order by taken_at limit ${batchSize}`,
    [outboxId],
  );
  const ids = rows.map((row) => String(row["id"]));
  if (ids.length === 0) return 0;
  const left = await stillInOutbox(outbox, ids);
  const gone = ids.filter((id) => !left.has(id));
  await jobs.query("delete from acme_jobs.taken where id = any($1::uuid[])", [gone]);
  return gone.length;
}
