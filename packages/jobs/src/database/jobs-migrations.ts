import { additiveStep, step, type Migration } from "./migration.ts";

/** Beside Graphile Worker's tables. A published entry is never edited: changes are appended. */
export const jobsMigrations: readonly Migration[] = [
  step(`
  -- Names this set of tables, so that ids of a database made anew never repeat those of the old one.
  create table acme_jobs.installation (
    only_row boolean primary key default true check (only_row),
    id uuid not null default gen_random_uuid()
  );
  insert into acme_jobs.installation default values;

  -- Found through the outbox's connection or not: that is how one database is told from two.
  create table acme_jobs.markers (
    id uuid primary key,
    created_at timestamptz not null default now()
  );

  -- One row per living worker.
  create table acme_jobs.workers (
    pool_id text primary key,
    started_at timestamptz not null default now(),
    heartbeat_at timestamptz not null default now()
  );

  -- Which tasks workers know, and when one last said so.
  create table acme_jobs.tasks (
    name text primary key,
    known_at timestamptz not null default now()
  );

  -- One row per job that has failed and is not done: what is to happen with it, and what has happened.
  create table acme_jobs.failures (
    job_id bigint primary key,
    idempotency_key text not null,
    task text not null,
    attempt int not null,
    outcome text not null check (outcome in ('retry', 'dead')),
    reason text not null,
    run_at timestamptz not null,
    next_attempts int not null,
    -- The last lock after which the code is known to have begun, and how many locks were followed by no run at all.
    started_attempt int,
    uncounted int not null default 0,
    is_settled boolean not null default false,
    errors jsonb not null,
    updated_at timestamptz not null default now()
  );
  create index failures_unsettled on acme_jobs.failures (updated_at) where not is_settled;

  create table acme_jobs.dead_letters (
    id text primary key,
    task text not null,
    payload json not null,
    queue text,
    priority int not null,
    reason text not null,
    attempts int not null,
    errors jsonb not null,
    enqueued_at timestamptz not null,
    died_at timestamptz not null default now()
  );
  create index dead_letters_died_at on acme_jobs.dead_letters (died_at);

  -- What has come from an outbox, remembered for longer than any relay's transaction can live and the outbox has the row.
  create table acme_jobs.taken (
    id uuid primary key,
    outbox text not null,
    taken_at timestamptz not null default now()
  );
  create index taken_outbox on acme_jobs.taken (outbox, taken_at);
  `),
  step(`
  -- Since when there have been workers without a long break, and when one last said so.
  alter table acme_jobs.installation add watched_since timestamptz not null default 'infinity';
  alter table acme_jobs.installation add watched_at timestamptz not null default '-infinity';
  alter table acme_jobs.dead_letters add key text;
  `),
  additiveStep(`
  -- What a worker says about itself, and how many jobs it runs.
  alter table acme_jobs.workers add about jsonb;
  alter table acme_jobs.workers add running int;

  -- Of the job: the request and the event that it comes from.
  alter table acme_jobs.dead_letters add flags text[];
  create index dead_letters_task on acme_jobs.dead_letters (task, died_at desc, id);
  create index failures_idempotency_key on acme_jobs.failures (idempotency_key);

  -- Statistics. Unlogged, because they are written often, and what a crash takes is soon there again.
  -- Who takes samples, and when the next one is due.
  create unlogged table acme_jobs.sampler (
    only_row boolean primary key default true check (only_row),
    due_at timestamptz not null,
    sampled_at timestamptz,
    -- Until when the last sample is worth reading: by then there should have been two more.
    fresh_until timestamptz,
    is_capped boolean not null default false,
    -- How many jobs each pool had locked.
    locks jsonb not null default '[]'
  );

  -- The last sample: how many jobs of each task there are.
  create unlogged table acme_jobs.samples (
    task text primary key,
    due int not null,
    scheduled int not null,
    locked int not null,
    dead int not null,
    oldest_due_at timestamptz
  );

  -- What has become of attempts, by minute, and histograms of how long they waited and ran.
  create unlogged table acme_jobs.minutes (
    minute timestamptz not null,
    task text not null,
    done int not null,
    failed int not null,
    dead int not null,
    run_counts int[] not null,
    wait_counts int[] not null,
    primary key (minute, task)
  );
  `),
  additiveStep(`
  -- What workers have in their \`schedules\`. The row is what makes a tick happen once: who enqueues its job moves it on.
  create table acme_jobs.schedules (
    name text primary key,
    task text not null,
    definition jsonb not null,
    declared_at timestamptz not null default now(),
    -- When a worker last said that it has this definition, and another one.
    seen_at timestamptz not null default now(),
    disputed_at timestamptz,
    -- The first tick that has not been dealt with; null where none is left.
    next_at timestamptz,
    last_tick_at timestamptz,
    last_job_id text,
    enqueued_at timestamptz,
    skipped_at timestamptz,
    paused_at timestamptz,
    -- When an operator asked for a job at once.
    wanted_at timestamptz,
    failure text
  );
  `),
  additiveStep(`
  -- Of what no worker begins jobs until it is resumed. Each fetch reads it.
  create table acme_jobs.pauses (
    kind text not null check (kind in ('everything', 'task', 'queue')),
    -- Empty for everything.
    name text not null,
    paused_at timestamptz not null default clock_timestamp(),
    primary key (kind, name)
  );
  `),
];
