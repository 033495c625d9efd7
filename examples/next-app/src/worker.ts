import { createJobs, perform } from "@acme/jobs";
import { Pool } from "pg";
import { sendReceipt } from "./orders.ts";

const { DATABASE_URL, MAIL_URL = "", STOP_DEADLINE_MS = "25000" } = process.env;
const pool = new Pool({ connectionString: DATABASE_URL, connectionTimeoutMillis: 10_000 });
pool.on("error", () => {});
const jobs = createJobs({ connection: pool });

/** The mail service sends a mail once for each key, however often the job runs. */
const performSendReceipt = perform(sendReceipt, async ({ orderId }, { signal, idempotencyKey, requestId = "" }) => {
  const { ok, status } = await fetch(MAIL_URL, {
    method: "POST",
    headers: { "idempotency-key": idempotencyKey, "x-request-id": requestId },
    body: JSON.stringify({ orderId }),
    signal,
  });
  if (!ok) throw Object.assign(new Error(`The mail service answered ${status}.`), { status });
});

// The worker is deployed first: it creates the tables.
await pool.query("create table if not exists orders (id uuid primary key, item text not null check (item <> ''))");
const worker = await jobs.startWorker({ tasks: [performSendReceipt], concurrency: 10 });
process.stdout.write("ready\n");

function stop(): void {
  process.stdout.write("stopping\n");
  void worker.stop({ deadlineMs: Number(STOP_DEADLINE_MS) });
}
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);

try {
  // Rejects if the worker cannot go on. The process then ends with the error, and whoever starts it again knows.
  await worker.finished;
} finally {
  await jobs.close();
  await pool.end();
}
