import type { Child } from "@acme/test-postgres";
import type { Pool } from "pg";

/**
 * Makes the only worker of a database look dead though it is not: its process is stopped, and the connection that holds
 * its lock is cut, as by a network that gives it up.
 */
export async function loseWorker(pool: Pool, worker: Child): Promise<void> {
  process.kill(worker.pid, "SIGSTOP");
  await pool.query(
    `select pg_terminate_backend(pid, 5000) from pg_locks
     where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
  );
}

/** The worker goes on where it was, finishes its job, and stops. */
export async function resumeWorker(worker: Child): Promise<void> {
  process.kill(worker.pid, "SIGCONT");
  worker.send("finish");
  await worker.ended;
}
