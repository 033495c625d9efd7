import { randomUUID } from "node:crypto";
import { isTrue } from "@acme/shared/is-true";
import type { Queryable } from "../database/queryable.ts";

/**
 * Whether both connections reach one database: a marker written through one is looked for through the other. URLs do
 * not tell (aliases, poolers, two names for one host), and neither would a stored id (a restored dump has it too).
 */
export async function isSameDatabase(jobs: Queryable, outbox: Queryable): Promise<boolean> {
  const marker = randomUUID();
  await jobs.query("insert into acme_jobs.markers (id) values ($1)", [marker]);
  try {
    const { rows: tables } = await outbox.query("select to_regclass('acme_jobs.markers') is not null as exists");
    if (tables[0]?.["exists"] !== true) return false;
    const { rows } = await outbox.query("select 1 from acme_jobs.markers where id = $1", [marker]);
    return rows.length > 0;
  } finally {
    await jobs.query("delete from acme_jobs.markers where id = $1 or created_at < now() - interval '1 hour'", [marker]);
  }
}

/** Whether that database has the tables of an outbox. */
export async function hasOutbox(db: Queryable): Promise<boolean> {
  const { rows } = await db.query("select to_regclass('acme_jobs.outbox') is not null as exists");
  return isTrue(rows[0]?.["exists"]);
}
