import type { Pool } from "pg";
import { expect } from "vitest";
import type { TestJobs } from "./test-jobs.ts";

/** A step of a batch at which PostgreSQL or the network makes the relay with these URLs wait. */
export interface HeldStep extends AsyncDisposable {
  readonly jobsUrl: string;
  readonly dataUrl: string;
  /** Resolves when the relay stands there. */
  reached(): Promise<void>;
  letGo(): Promise<void>;
}

/** What the held relay's sessions call themselves. */
export const heldName = "held relay";

/** @param table - With the mode of the lock. */
export function lockTable(test: TestJobs, pool: Pool, table: string, statement: string): Promise<HeldStep> {
  return waitFor(test, pool, `lock table ${table}`, statement);
}

/** @param trigger - What comes before its function in `create trigger`, without `create`. */
export async function waitInTrigger(test: TestJobs, pool: Pool, trigger: string, statement: string): Promise<HeldStep> {
  await pool.query(`
    create function wait_here() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared(1);
      return null;
    end $$;
    create ${trigger} execute function wait_here()`);
  return waitFor(test, pool, "select pg_advisory_xact_lock(1)", statement);
}

/** @param statement - The one that is to wait for the lock, as a pattern of LIKE. */
async function waitFor(test: TestJobs, pool: Pool, lock: string, statement: string): Promise<HeldStep> {
  const holder = await pool.connect();
  await holder.query("begin");
  await holder.query(lock);
  const { rows } = await holder.query<{ pid: number }>("select pg_backend_pid() as pid");
  const pid = rows[0]?.pid;
  let isHeld = true;
  const letGo = async () => {
    if (!isHeld) return;
    isHeld = false;
    await holder.query("rollback");
    holder.release();
  };
  return {
    ...urlsOf(test),
    async reached() {
      const condition = "$2 = any(pg_blocking_pids(pid)) and query ilike $3";
      await expect.poll(() => heldSessions(test, condition, [pid, statement])).toBe(1);
    },
    letGo,
    [Symbol.asyncDispose]: letGo,
  };
}

/** How many sessions the held relay has, in both databases. */
export async function heldSessions(test: TestJobs, condition = "true", values: unknown[] = []): Promise<number> {
  const names = [databaseOf(test.jobsUrl), databaseOf(test.dataUrl)];
  const { rowCount } = await test.jobsPool.query(
    `select from pg_stat_activity where application_name = '${heldName}' and datname = any($1) and ${condition}`,
    [names, ...values],
  );
  return rowCount ?? 0;
}

/** Ends their transactions, and no idle session, as the server does after a minute by `idle_in_transaction_session_timeout`. */
export async function endHeldTransactions(test: TestJobs, sides: readonly ("jobsUrl" | "dataUrl")[]): Promise<void> {
  const names = sides.map((side) => databaseOf(test[side]));
  await test.jobsPool.query(
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity
     where application_name = '${heldName}' and datname = any($1) and state like 'idle in transaction%'`,
    [names],
  );
}

const databaseOf = (url: string) => new URL(url).pathname.slice(1);

/** Both, for sessions that go by the held relay's name. */
export const urlsOf = ({ jobsUrl, dataUrl }: TestJobs) => ({ jobsUrl: named(jobsUrl), dataUrl: named(dataUrl) });

export function named(url: string): string {
  const changed = new URL(url);
  changed.searchParams.set("application_name", heldName);
  return changed.href;
}
