import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Fault } from "../fault.ts";
import { printLabel } from "../shop-tasks.ts";
import type { Shop } from "../shop.ts";
import { waitUntil } from "../wait-until.ts";

const printers = ["printer-1", "printer-2", "printer-3"];
const killedWorker = fileURLToPath(new URL("../killed-worker.ts", import.meta.url));

/** A worker was killed while no other was there to recover its jobs, and somebody has deleted one of these by hand. */
export const locksLeft: Fault = {
  name: "a killed worker had left locks",
  symptom:
    "All workers were stopped for the night's maintenance, one of them with kill -9. The maintenance refuses to begin: jobs and printers are still locked. (Workers stay stopped.)",
  async plant(shop) {
    await shop.stopWorkers();
    for (const queue of printers) await shop.jobs.enqueue(printLabel, { parcel: queue }, { queue });
    const child = spawn(process.execPath, [killedWorker], {
      env: { ...process.env, JOB_QUEUE_DATABASE_URL: shop.url },
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    await waitUntil(async () => (await lockedJobs(shop)) === printers.length);
    child.kill("SIGKILL");
    await once(child, "exit");
    // As long ago as a person needs to be woken up.
    await shop.pool.query(`
      update acme_jobs.workers set heartbeat_at = now() - interval '10 minutes';
      update graphile_worker._private_jobs set locked_at = now() - interval '10 minutes' where locked_at is not null;
      update graphile_worker._private_job_queues set locked_at = now() - interval '10 minutes' where locked_at is not null;
      delete from graphile_worker._private_jobs where payload ->> 'parcel' = 'printer-2';
    `);
  },
  async isMended(shop) {
    const { rows } = await shop.pool.query<{ count: number }>(
      "select count(*)::int as count from graphile_worker._private_job_queues where locked_at is not null",
    );
    return rows[0]?.count === 0 && (await lockedJobs(shop)) === 0;
  },
};

async function lockedJobs({ pool }: Shop): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    "select count(*)::int as count from graphile_worker.jobs where locked_at is not null",
  );
  return rows[0]?.count ?? 0;
}
