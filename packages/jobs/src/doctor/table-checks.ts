import { isTrue } from "@acme/shared/is-true";
import { graphileSchema } from "../graphile/schema.ts";
import { titleOf, type Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { bytes, count, duration, few, percent } from "./words.ts";

/** From the statistics of the server, which every role can read. To measure a table would wait for whoever locks it. */
const tablesSql = `
  select schemaname || '.' || stat.relname as name, n_live_tup::float8 as live, n_dead_tup::float8 as dead,
    relpages::float8 * current_setting('block_size')::int as size,
    exists (select from unnest(reloptions) as option where option in ('autovacuum_enabled=false', 'autovacuum_enabled=off')) as "isOff"
  from pg_stat_user_tables as stat join pg_class on pg_class.oid = relid
  where schemaname in ('acme_jobs', '${graphileSchema}') order by n_dead_tup desc`;

/** Dead rows, and whether anything removes them. */
export async function checkTables({ name, db, thresholds }: Target): Promise<readonly Finding[]> {
  const { rows } = await db.query(tablesSql);
  const { rows: server } = await db.query("select current_setting('autovacuum') = 'off' as \"isOff\"");
  const off = rows.filter((row) => isTrue(row["isOff"])).map((row) => String(row["name"]));
  const isServerOff = isTrue(server[0]?.["isOff"]);
  const bloated = rows
    .map((row) => ({
      name: String(row["name"]),
      live: Number(row["live"]),
      dead: Number(row["dead"]),
      size: row["size"],
    }))
    .filter(({ live, dead }) => dead > thresholds.deadRows && dead > thresholds.deadRowShare * (live + dead));
  return [
    ...bloated.map((table) =>
      finding({
        code: "TABLE_BLOATED",
        severity: "warning",
        what: `In the ${titleOf(name)}, ${count(table.dead)} rows of ${table.name} are dead, ${percent(table.dead / (table.live + table.dead))} of the table (${bytes(Number(table.size))}).`,
        why: "Each fetch steps over them: a queue of a few jobs becomes as slow as one of a million.",
        mend: `See whether something holds vacuum back (LONG_TRANSACTION, SLOT_HOLDS_ROWS), then: vacuum (verbose) ${table.name}.`,
      }),
    ),
    ...(isServerOff || off.length > 0 ? [autovacuumOff(titleOf(name), isServerOff ? [] : off)] : []),
  ];
}

function autovacuumOff(place: string, tables: readonly string[]): Finding {
  const where = tables.length === 0 ? "for the whole server" : `for ${few(tables)}`;
  return finding({
    code: "AUTOVACUUM_OFF",
    severity: "warning",
    what: `In the ${place}, autovacuum is off ${where}.`,
    why: "A queue leaves a dead row for each job. Nothing removes them, and each fetch becomes slower.",
    mend:
      tables.length === 0
        ? "alter system set autovacuum = on; select pg_reload_conf()."
        : `alter table ${tables[0]} reset (autovacuum_enabled), for each of them.`,
  });
}

/** Of the sessions of others, a role sees the times only with pg_read_all_stats. */
const holdersSql = `
  select 'transaction' as what, pid::text as name, extract(epoch from clock_timestamp() - xact_start) * 1000 as ms
  from pg_stat_activity
  where (backend_xmin is not null or backend_xid is not null) and pid <> pg_backend_pid()
    and coalesce(backend_type, 'client backend') = 'client backend' and (datname = current_database() or backend_xmin is not null)
    and xact_start < clock_timestamp() - $1::float8 * interval '1 millisecond'
  union all
  select 'prepared transaction', gid, extract(epoch from clock_timestamp() - prepared) * 1000
  from pg_prepared_xacts
  where database = current_database() and prepared < clock_timestamp() - $1::float8 * interval '1 millisecond'
  order by ms desc limit 10`;

/** An idle slot that keeps old rows: of a standby that is gone, or of a reader that is away. */
const slotsSql = `
  select slot_name as name, greatest(age(xmin), age(catalog_xmin)) as age from pg_replication_slots
  where not active and (xmin is not null or (catalog_xmin is not null and database = current_database()))`;

/** What keeps vacuum from removing dead rows. */
export async function checkVacuumHolders({ name, db, thresholds }: Target): Promise<readonly Finding[]> {
  const { rows: holders } = await db.query(holdersSql, [thresholds.longTransactionMs]);
  const { rows: slots } = await db.query(slotsSql);
  return [
    ...(holders.length > 0 ? [longTransaction(titleOf(name), holders)] : []),
    ...slots.map((row) => idleSlot(titleOf(name), String(row["name"]), Number(row["age"]))),
  ];
}

function longTransaction(place: string, holders: readonly Readonly<Record<string, unknown>>[]): Finding {
  const [first] = holders;
  const what = String(first?.["what"]);
  const isPrepared = what.startsWith("prepared");
  return finding({
    code: "LONG_TRANSACTION",
    severity: "warning",
    what: `In the ${place}, a ${what}${isPrepared ? "" : ` of session ${String(first?.["name"])}`} is open for ${duration(Number(first?.["ms"]))}${holders.length > 1 ? `, and ${holders.length - 1} more that are too old` : ""}.`,
    why: "Vacuum removes no row that has died since it began, in any table: fetching becomes slower the longer it lasts.",
    mend: isPrepared
      ? "Find out whose it is (pg_prepared_xacts), then commit or roll it back (rollback prepared)."
      : `Find out whose it is (pg_stat_activity). If nobody needs it: select pg_terminate_backend(${String(first?.["name"])}).`,
  });
}

function idleSlot(place: string, slot: string, age: number): Finding {
  return finding({
    code: "SLOT_HOLDS_ROWS",
    severity: "warning",
    what: `In the ${place}, the replication slot ${JSON.stringify(slot)}, which nobody reads, holds back vacuum for ${count(age)} transactions.`,
    why: "Vacuum removes no row that the slot may still need, and the log of the server grows.",
    mend: "Start its reader again, or drop the slot: select pg_drop_replication_slot(…).",
  });
}
