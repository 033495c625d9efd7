import { createUnitOfWork } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs } from "@acme/jobs";
import { Pool } from "pg";

export interface Urls {
  readonly app: string;
  readonly jobs: string;
}

/** No key and no constraint forbids what must not happen: it has to become visible. */
const booksSql = `
  create schema soak;
  create table soak.orders (id uuid primary key, placed_by text not null, shelf text);
  create index on soak.orders (shelf);
  create table soak.shelves (name text primary key, order_count int not null);
  create table soak.promises (name text unique deferrable initially deferred);
  create table soak.enqueued (id uuid not null, order_id uuid not null, not_before timestamptz);
  create table soak.effects (order_id uuid not null, idempotency_key text not null, shipped_by text not null);
  create table soak.runs (
    order_id uuid not null,
    idempotency_key text not null,
    job_id text not null,
    attempt int not null,
    intent text not null,
    run_by text not null,
    started_at timestamptz not null default clock_timestamp()
  );
  create index on soak.runs (idempotency_key);

  create function soak.note_enqueued() returns trigger language plpgsql as $$
    begin
      insert into soak.enqueued (id, order_id, not_before)
      values (new.id, (new.payload ->> 'orderId')::uuid, new.run_at);
      return null;
    end
  $$;
  create trigger note_enqueued after insert on acme_jobs.outbox for each row when (new.task = 'ship_order')
    execute function soak.note_enqueued();
`;

/** Makes the tables of the packages in both databases, and those that are reconciled at the end. */
export async function openBooks({ app, jobs: connection }: Urls): Promise<void> {
  await using jobs = createJobs({ connection, outbox: { connection: app } });
  await jobs.migrate();
  const pool = new Pool({ connectionString: app, max: 1 });
  try {
    await createUnitOfWork(pgTransactions(pool)).migrate();
    await pool.query(booksSql);
  } finally {
    await pool.end();
  }
}
