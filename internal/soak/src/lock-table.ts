import { Client } from "pg";
import type { Urls } from "./soak-tables.ts";
import type { TableLock } from "./faults.ts";

/** @returns whether the lock was had, and for how long it was wanted: its session may be ended, and the server go away */
export async function lockTable({ database, table, forMs }: TableLock, urls: Urls): Promise<boolean> {
  const options = "-c statement_timeout=0 -c lock_timeout=5s";
  const client = new Client({ connectionString: urls[database], options, connectionTimeoutMillis: 2_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("begin");
    await client.query(`lock table ${table} in access exclusive mode`);
    await client.query("select pg_sleep($1)", [forMs / 1_000]);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
