import { graphileSchema } from "../graphile/schema.ts";
import { titleOf, type Target } from "./check.ts";
import { finding, type Finding } from "./finding.ts";
import { few } from "./words.ts";

const settingsSql = `
  select name, setting, source from pg_settings
  where name in ('synchronous_commit', 'fsync', 'full_page_writes') and setting = 'off'`;

/** The tables whose rows must survive a crash. Those of statistics are unlogged on purpose. */
const unloggedSql = `
  select relnamespace::regnamespace::text || '.' || relname as name from pg_class
  where relpersistence = 'u' and relkind in ('r', 'p') and (
    (relnamespace = to_regnamespace('acme_jobs') and relname <> all('{sampler,samples,minutes}'::name[]))
    or relnamespace = to_regnamespace('${graphileSchema}')
  ) order by 1`;

/** What would lose committed jobs in a crash of the server. */
export async function checkDurability({ name, db }: Target): Promise<readonly Finding[]> {
  const place = titleOf(name);
  const { rows: settings } = await db.query(settingsSql);
  const { rows: tables } = await db.query(unloggedSql);
  const found = settings.map((row) => settingOff(place, String(row["name"]), String(row["source"])));
  return tables.length === 0
    ? found
    : [
        ...found,
        unlogged(
          place,
          tables.map((row) => String(row["name"])),
        ),
      ];
}

const levels: ReadonlyMap<string, string> = new Map([
  ["database", "for this database (ALTER DATABASE … RESET)"],
  ["user", "for this role (ALTER ROLE … RESET)"],
  ["database user", "for this role in this database (ALTER ROLE … IN DATABASE … RESET)"],
  ["client", "by the options of the connection"],
  ["session", "by the application, in the session"],
]);

function settingOff(place: string, name: string, source: string): Finding {
  const level = levels.get(source) ?? "for the whole server (ALTER SYSTEM, postgresql.conf or its command line)";
  const asynchronous = name === "synchronous_commit";
  return finding({
    code: asynchronous ? "COMMIT_ASYNCHRONOUS" : "SERVER_UNSAFE",
    severity: "error",
    what: `In the ${place}, ${name} is off ${level}.`,
    why: asynchronous
      ? "A crash of the server loses the last transactions that it has confirmed, and with them jobs and the ends of jobs: a job that was done runs again."
      : "A crash of the machine may damage any table beyond repair.",
    mend: asynchronous
      ? "Set it to on, or leave it out, for every role that enqueues or works. This package turns it off by itself where nothing can be lost."
      : `Turn ${name} on and reload the server. Take a backup, and check it.`,
  });
}

function unlogged(place: string, tables: readonly string[]): Finding {
  return finding({
    code: "TABLE_UNLOGGED",
    severity: "error",
    what: `In the ${place}, ${tables.length} of the tables that must survive a crash are unlogged: ${few(tables, 5)}.`,
    why: "A crash of the server empties them, and standbys do not have their rows.",
    mend: `ALTER TABLE ${tables[0]} SET LOGGED, for each of them. It rewrites the table and locks it meanwhile.`,
  });
}
