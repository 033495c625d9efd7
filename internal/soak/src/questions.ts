/** Something that must not be, and the ids it happened to. */
export interface Finding {
  readonly verdict: "lost" | "phantom" | "duplicated" | "locks" | "stuck" | "inverted" | "untrue" | "early";
  readonly what: string;
  readonly ids: readonly string[];
}

/** Each question returns the ids it happened to. Nothing may. */
export const appQuestions: readonly Question[] = [
  [
    "lost",
    "committed, no outbox row was written",
    "select id from soak.orders except select order_id from soak.enqueued",
  ],
  ["lost", "committed, never shipped", "select id from soak.orders except select order_id from soak.effects"],
  [
    "lost",
    "a product not counted since its last order",
    `select name from (select product as name, count(*) from soak.orders where product is not null group by product) as filled
     left join soak.products using (name) where order_count is distinct from filled.count`,
  ],
  [
    "lost",
    "the last version of a label never printed",
    "select name || ' ' || version from (select name, version from soak.labels except select label, version from soak.prints) as missing",
  ],
  [
    "phantom",
    "a version of a label printed that was not committed",
    "select label || ' ' || prints.version from soak.prints join soak.labels on name = label and prints.version > labels.version",
  ],
  [
    "phantom",
    "an outbox row without its order",
    "select order_id from soak.enqueued except select id from soak.orders",
  ],
  ["phantom", "shipped without its order", "select order_id from soak.effects except select id from soak.orders"],
  ["phantom", "a run without its order", "select order_id from soak.runs except select id from soak.orders"],
  ["duplicated", "several outbox rows", "select order_id from soak.enqueued group by order_id having count(*) > 1"],
  ["duplicated", "shipped several times", "select order_id from soak.effects group by order_id having count(*) > 1"],
  [
    "duplicated",
    "several jobs for one outbox row",
    "select order_id from soak.runs group by order_id having count(distinct job_id) > 1",
  ],
  [
    "duplicated",
    "shipped under another idempotency key than the one it was enqueued with",
    `select effect.order_id from soak.effects as effect left join soak.enqueued as outbox_row
       on outbox_row.order_id = effect.order_id and outbox_row.id::text = effect.idempotency_key
     where outbox_row.id is null`,
  ],
  [
    "early",
    "a run before its time",
    `select run.order_id from soak.runs as run join soak.enqueued as outbox_row
       on outbox_row.id::text = run.idempotency_key and run.started_at < outbox_row.not_before`,
  ],
  ["locks", "left in the outbox", "select id from acme_jobs.outbox"],
];

/** Enough to tell why nobody takes it: its server is gone when somebody reads this. */
const describedJob = `id || ' (' || task_identifier || ', ' || attempts || ' of ' || max_attempts || ' attempts, due ' ||
  run_at || coalesce(', key ' || key, '') || ')'`;

export const jobsQuestions: readonly Question[] = [
  ["lost", "a dead letter", "select id || ' (' || reason || ')' from acme_jobs.dead_letters"],
  ["locks", "a job left", `select ${describedJob} from graphile_worker.jobs where locked_at is null`],
  [
    "locks",
    "a job left locked",
    `select ${describedJob} || ' by ' || locked_by from graphile_worker.jobs where locked_at is not null`,
  ],
  // No view shows the locks of named queues, and a queue left locked would stall for hours.
  [
    "stuck",
    "a named queue left locked",
    "select queue_name from graphile_worker._private_job_queues where locked_at is not null",
  ],
  ["stuck", "a job of a named queue left", "select id from graphile_worker.jobs where queue_name is not null"],
  [
    "inverted",
    "an older row of a key put in the place of a newer one",
    `select label || ' ' || version from (
       select label, version, max(version) over (partition by label order by sequence rows unbounded preceding) as newest
       from soak_jobs.waiting) as waiting
     where version < newest`,
  ],
  [
    "early",
    "a job fetched while it was held",
    `select fetched.job_id || ' (' || fetched.task || ')' from soak_jobs.fetched join soak_jobs.held
       on (held.task is null or held.task = fetched.task) and fetched.at > held.from_at and fetched.at < held.to_at`,
  ],
];

/** Any session that outlives the processes, in whichever database. */
export const sessionQuestions: readonly Question[] = [
  [
    "locks",
    "an advisory lock held",
    "select classid || ':' || objid from pg_locks where locktype = 'advisory' and database is not null",
  ],
  // Autovacuum has transactions, too.
  [
    "locks",
    "an open transaction",
    `select concat_ws(' ', pid, application_name, state, clock_timestamp() - xact_start, left(query, 120))
     from pg_stat_activity where backend_xid is not null and backend_type = 'client backend'`,
  ],
];

export type Question = readonly [verdict: Finding["verdict"], what: string, sql: string];
