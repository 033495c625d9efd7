import { titleOf, type Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { count, named, percent } from "./words.ts";

/** Without rights on the sessions of others, their kind is hidden; those of the server's own have no user. */
const limitsSql = `
  with sessions as materialized (
    select datname, usename from pg_stat_activity
    where usename is not null and datid is not null and coalesce(backend_type, 'client backend') = 'client backend'
  )
  select 'server' as what, null as name, count(*)::int as used,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
      - coalesce(current_setting('reserved_connections', true)::int, 0) as most
  from sessions
  union all
  select 'database', datname::text, (select count(*) from sessions where sessions.datname = each.datname)::int, datconnlimit
  from pg_database as each where datname = current_database() and datconnlimit > 0
  union all
  select 'role', rolname::text, (select count(*) from sessions where usename = rolname)::int, rolconnlimit
  from pg_roles where rolconnlimit > 0 and rolname in (select usename from sessions)`;

const longer: ReadonlyMap<unknown, string> = new Map([
  ["server", "raise max_connections"],
  ["database", "raise the limit: ALTER DATABASE … CONNECTION LIMIT"],
  ["role", "raise the limit: ALTER ROLE … CONNECTION LIMIT"],
]);

/** How much of the limits of server, database and roles is in use. */
export async function checkConnections({ name, db, thresholds }: Target): Promise<readonly Finding[]> {
  const { rows } = await db.query(limitsSql);
  return rows
    .filter(({ used, most }) => Number(used) >= thresholds.connectionShare * Number(most))
    .map(({ what, name: whose, used, most }) =>
      finding({
        code: "CONNECTIONS_SCARCE",
        severity: "warning",
        what: `In the ${titleOf(name)}, ${count(Number(used))} of the ${count(Number(most))} connections of the ${String(what)}${whose === null ? "" : ` ${named(whose)}`} are in use (${percent(Number(used) / Number(most))}).`,
        why: "A worker that starts, or that loses a connection in a failover, may get none. A worker uses up to 12 and a relay up to 4.",
        mend: `Make pools smaller, put applications behind a pooler in session mode, or ${longer.get(what)}.`,
        command: "acme-jobs workers",
      }),
    );
}
