import { createUnitOfWork } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs } from "@acme/jobs";
import { Pool } from "pg";

export interface Urls {
  readonly app: string;
  readonly jobs: string;
}

/** No key and no constraint forbids what must not happen: it has to become visible. */
const tablesSql = `
  create schema soak;
  create table soak.orders (id uuid primary key, placed_by text not null, product text);
  create index on soak.orders (product);
  create table soak.products (name text primary key, order_count int not null);
  create table soak.labels (name text primary key, version int not null);
  create table soak.prints (label text not null, version int not null);
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

  -- Holds the row until the unit ends: the versions of a label commit in their order.
  create function soak.change_label(changed text) returns int language sql as $$
    insert into soak.labels as label (name, version) values (changed, 1)
    on conflict (name) do update set version = label.version + 1
    returning version
  $$;

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

/** What waits under a key, in the order it was put there. Two of one key cannot be put there at once. */
const jobsSql = `
  create schema soak_jobs;
  create table soak_jobs.waiting (sequence bigserial primary key, label text not null, version int not null);
  create function soak_jobs.note_waiting() returns trigger language plpgsql as $$
    begin
      insert into soak_jobs.waiting (label, version)
      select new.payload ->> 'label', (new.payload ->> 'version')::int
      where exists (select from graphile_worker._private_tasks where id = new.task_id and identifier = 'print_label');
      return null;
    end
  $$;
  create trigger note_added after insert on graphile_worker._private_jobs for each row
    execute function soak_jobs.note_waiting();
  create trigger note_replaced after update on graphile_worker._private_jobs for each row
    when (old.payload::text is distinct from new.payload::text) execute function soak_jobs.note_waiting();

  -- When each fetch began that has locked a job, and when which jobs were held: without a task, all of them.
  create table soak_jobs.fetched (job_id bigint not null, task text not null, at timestamptz not null default now());
  create table soak_jobs.held (task text, from_at timestamptz not null, to_at timestamptz not null);
  create function soak_jobs.note_fetched() returns trigger language plpgsql as $$
    begin
      insert into soak_jobs.fetched (job_id, task)
      select new.id, identifier from graphile_worker._private_tasks where id = new.task_id;
      return null;
    end
  $$;
  create trigger note_fetched after update on graphile_worker._private_jobs for each row
    when (old.locked_at is null and new.locked_at is not null) execute function soak_jobs.note_fetched();
`;

/** Makes the tables of the packages in both databases, and those that are reconciled at the end. */
export async function openSoakTables({ app, jobs: connection }: Urls): Promise<void> {
  await using jobs = createJobs({ connection, outbox: { connection: app } });
  await jobs.migrate();
  await within(app, async (pool) => {
    await createUnitOfWork(pgTransactions(pool)).migrate();
    await pool.query(tablesSql);
  });
  await within(connection, (pool) => pool.query(jobsSql));
}

async function within(connectionString: string, work: (pool: Pool) => Promise<unknown>): Promise<void> {
  const pool = new Pool({ connectionString, max: 1 });
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
}
