import { createEventBus, createUnitOfWork } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs } from "@acme/jobs";
import { Pool, type PoolClient } from "pg";
import { OrderPlaced, sendReceipt } from "./orders.ts";

/** Next loads a module anew for each route, and again after each change in development: the process has one of these. */
export function services(): ReturnType<typeof createServices> {
  return (kept[key] ??= createServices());
}

const key = Symbol.for("next-app:services");
const kept = globalThis as { [key]?: ReturnType<typeof createServices> };

function createServices() {
  const pool = new Pool({ connectionString: process.env["DATABASE_URL"], connectionTimeoutMillis: 10_000 });
  // The pool replaces an idle connection that is lost. Without a listener, the error would end the process.
  pool.on("error", () => {});
  const bus = createEventBus<PoolClient>();
  const jobs = createJobs({ connection: pool });
  bus.register(
    OrderPlaced,
    jobs.durable(sendReceipt, ({ orderId }) => ({ orderId })),
  );
  return { pool, jobs, unitOfWork: createUnitOfWork(pgTransactions(pool), { bus }) };
}
