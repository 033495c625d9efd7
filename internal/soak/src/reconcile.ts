import type pg from "pg";
import type { UnitTimes } from "./child/process.ts";
import type { Outage } from "./injected-faults.ts";
import type { Pools } from "./drain.ts";
import type { Ledger } from "./ledger.ts";
import { appQuestions, type Finding, jobsQuestions, type Question, sessionQuestions } from "./questions.ts";

export interface Reconciliation {
  readonly committed: number;
  readonly enqueued: number;
  readonly effects: number;
  /** Units with events whose outcome stayed unknown, although the server was there from their begin to their end. */
  readonly openWithoutOutageCount: number;
  readonly findings: readonly Finding[];
}

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
