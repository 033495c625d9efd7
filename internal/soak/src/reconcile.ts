import type pg from "pg";
import type { UnitTimes } from "./child/process.ts";
import type { Outage } from "./conduct.ts";
import type { Pools } from "./drain.ts";
import type { Ledger } from "./ledger.ts";

/** Something that must not be, and the ids it happened to. */
export interface Finding {
  readonly verdict: "lost" | "phantom" | "duplicated" | "locks" | "untrue" | "early";
  readonly what: string;
  readonly ids: readonly string[];
}

export interface Reconciliation {
  readonly committed: number;
  readonly enqueued: number;
  readonly effects: number;
  /** Units with events whose outcome stayed unknown, although the server was there from their begin to their end. */
  readonly openWithoutOutageCount: number;
  readonly findings: readonly Finding[];
}

/** Each question returns the ids it happened to. Nothing may. */
const appQuestions: readonly Question[] = [
  [
    "lost",
    "committed, no outbox row was written",
    "select id from soak.orders except select order_id from soak.enqueued",
  ],
  ["lost", "committed, never shipped", "select id from soak.orders except select order_id from soak.effects"],
  [
    "lost",
    "a shelf not counted since its last order",
    `select name from (select shelf as name, count(*) from soak.orders where shelf is not null group by shelf) as filled
     left join soak.shelves using (name) where order_count is distinct from filled.count`,
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

const jobsQuestions: readonly Question[] = [
  ["lost", "a dead letter", "select id || ' (' || reason || ')' from acme_jobs.dead_letters"],
  ["locks", "a job left", `select ${describedJob} from graphile_worker.jobs where locked_at is null`],
  [
    "locks",
    "a job left locked",
    `select ${describedJob} || ' by ' || locked_by from graphile_worker.jobs where locked_at is not null`,
  ],
  // No view shows the locks of named queues, and a queue left locked would stall for hours.
  [
    "locks",
    "a named queue left locked",
    "select queue_name from graphile_worker._private_job_queues where locked_at is not null",
  ],
];

/** Any session that outlives the processes, in whichever database. */
const sessionQuestions: readonly Question[] = [
  [
    "locks",
    "an advisory lock held",
    "select classid || ':' || objid from pg_locks where locktype = 'advisory' and database is not null",
  ],
  ["locks", "an open transaction", "select pid from pg_stat_activity where backend_xid is not null"],
];

type Question = readonly [verdict: Finding["verdict"], what: string, sql: string];

/**
 * Compares every business row with every effect. To be called when nothing runs any more.
 *
 * A unit that met an outage may have to leave its outcome open: a server that has recovered does not know of what it lost. So may, rarely,
 * one between whose COMMIT and the question the server has made a checkpoint, as it does when it was promoted: those are counted.
 */
export async function reconcile(
  pools: Pools,
  ledger: Ledger,
  outages: readonly Outage[] = [],
): Promise<Reconciliation> {
  const findings = [
    ...(await askAll(pools.app, [...appQuestions, ...sessionQuestions])),
    ...(await askAll(pools.jobs, jobsQuestions)),
    ...(await checkLedger(pools.app, ledger)),
  ];
  const count = async (table: string) => {
    const { rows } = await pools.app.query<{ count: number }>(`select count(*)::int as count from soak.${table}`);
    return rows[0]?.count ?? 0;
  };
  return {
    committed: await count("orders"),
    enqueued: await count("enqueued"),
    effects: await count("effects"),
    openWithoutOutageCount: [...ledger.unresolved.values()].filter((times) => !metAny(outages, times)).length,
    findings: findings.filter(({ ids }) => ids.length > 0),
  };
}

async function askAll(pool: pg.Pool, questions: readonly Question[]): Promise<Finding[]> {
  const findings = [];
  for (const [verdict, what, sql] of questions) {
    const { rows } = await pool.query<[unknown]>({ text: sql, rowMode: "array" });
    findings.push({ verdict, what, ids: rows.map(([id]) => String(id)) });
  }
  return findings;
}

async function checkLedger(app: pg.Pool, ledger: Ledger): Promise<Finding[]> {
  const { rows } = await app.query<{ id: string }>("select id from soak.orders");
  const stored = new Set(rows.map(({ id }) => id));
  const isMissing = (id: string) => !stored.has(id);
  const seen = [...ledger.seen.keys()];
  const seenTwice = seen.filter((id) => (ledger.seen.get(id) ?? 0) > 1);
  return [
    { verdict: "phantom", what: "seen by a handler after a commit that never was", ids: seen.filter(isMissing) },
    { verdict: "duplicated", what: "seen by the handler after the commit more than once", ids: seenTwice },
    { verdict: "untrue", what: "said to be committed, and not stored", ids: [...ledger.confirmed].filter(isMissing) },
    {
      verdict: "untrue",
      what: "said to be rolled back, and stored",
      ids: [...ledger.refused].filter((id) => stored.has(id)),
    },
    {
      verdict: "lost",
      what: "confirmed, and not seen by the handler after the commit",
      ids: [...ledger.confirmed].filter((id) => !ledger.seen.has(id)),
    },
  ];
}

function metAny(outages: readonly Outage[], { fromMs, toMs }: UnitTimes): boolean {
  return outages.some(({ from, to }) => from.getTime() <= toMs && to.getTime() >= fromMs);
}
