import { additiveStep, step, type Migration } from "./migration.ts";

/** Beside the data. */
export const outboxMigrations: readonly Migration[] = [
  step(`
  create table acme_jobs.outbox (
    id uuid primary key,
    position bigint generated always as identity,
    task text not null,
    payload json not null,
    run_at timestamptz,
    queue text,
    priority int,
    key text,
    preserve_run_at boolean not null,
    created_at timestamptz not null default now()
  );
  create index outbox_position on acme_jobs.outbox (position);

  -- Several outboxes may share the jobs: each forgets only what came from itself.
  create table acme_jobs.outbox_identity (
    only_row boolean primary key default true check (only_row),
    id uuid not null default gen_random_uuid()
  );
  insert into acme_jobs.outbox_identity default values;
  `),
  step(`
  -- A job is written beside the outbox only where none of its key waits in it.
  create index outbox_key on acme_jobs.outbox (key) where key is not null;
  `),
  additiveStep(`
  -- Of the job to be: the request and the event that it comes from.
  alter table acme_jobs.outbox add flags text[];
  `),
];
