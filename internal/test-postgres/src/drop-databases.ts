import { escapeIdentifier } from "pg";
import { withConnection } from "./admin.ts";

/** Drops the databases of a run at its end, if the server stays. */
export async function dropDatabasesOf(run: string, server: string): Promise<void> {
  await withConnection(server, async (query) => {
    const { rows } = await query("select datname from pg_database where starts_with(datname, $1)", [`${run}_`]);
    for (const { datname } of rows) await query(dropDatabase(String(datname)));
  });
}

export function dropDatabase(name: string): string {
  return `drop database if exists ${escapeIdentifier(name)} with (force)`;
}
