import type { Pool } from "pg";
import { expect } from "vitest";

export interface HeldStatement extends AsyncDisposable {
  /** Resolves when a session waits in the statement. */
  reached(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Holds the sessions of that application name in a statement, before it changes anything.
 *
 * @param statement - Table and kind, as in `delete on acme_jobs.failures for each statement`.
 */
export async function holdStatement(pool: Pool, applicationName: string, statement: string): Promise<HeldStatement> {
  const [on, condition = "true"] = statement.split(" when ");
  const holder = await pool.connect();
  let isHeld = true;
  const release = async () => {
    if (!isHeld) return;
    isHeld = false;
    await holder.query("select pg_advisory_unlock_all()");
    holder.release();
  };
  await holder.query("select pg_advisory_lock(22)");
  await pool.query(`
    create function hold() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock(22); return coalesce(new, old); end $$;
    create trigger hold before ${on}
      when (current_setting('application_name') = '${applicationName}' and ${condition}) execute function hold()`);
  return {
    async reached() {
      await expect.poll(() => waitingCount(pool)).toBeGreaterThan(0);
    },
    release,
    [Symbol.asyncDispose]: release,
  };
}

async function waitingCount(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query(
    `select from pg_locks where locktype = 'advisory' and objid = 22 and not granted
       and database = (select oid from pg_database where datname = current_database())`,
  );
  return rowCount ?? 0;
}
