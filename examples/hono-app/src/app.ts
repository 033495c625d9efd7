import { randomUUID } from "node:crypto";
import { createEventBus, createUnitOfWork, withCorrelation } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs } from "@acme/jobs";
import { Hono } from "hono";
import { Pool, type PoolClient } from "pg";
import type { Config } from "./config.ts";
import { OrderPlaced, performSendReceipt, sendReceipt } from "./orders.ts";

export async function createApp({ databaseUrl, mailUrl }: Config) {
  const pool = new Pool({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  // The pool replaces an idle connection that is lost. Without a listener, the error would end the process.
  pool.on("error", () => {});
  const bus = createEventBus<PoolClient>();
  const unitOfWork = createUnitOfWork(pgTransactions(pool), { bus });
  const jobs = createJobs({ connection: pool });
  bus.register(
    OrderPlaced,
    jobs.durable(sendReceipt, ({ orderId }) => ({ orderId })),
  );

  await pool.query("create table if not exists orders (id uuid primary key, item text not null check (item <> ''))");
  await jobs.migrate();
  const worker = await jobs.startWorker({ tasks: [performSendReceipt(mailUrl)], concurrency: 10 });

  const app = new Hono();
  app.use((context, next) => {
    const requestId = fittingId(context.req.header("x-request-id"));
    context.header("x-request-id", requestId);
    return withCorrelation({ requestId }, next);
  });
  app.get("/health", async (context) => context.json(await jobs.health()));
  app.post("/orders", async (context) => {
    const { item } = await context.req.json<{ item: string }>();
    const orderId = randomUUID();
    await unitOfWork.run(async ({ tx, record }) => {
      await tx.query("insert into orders (id, item) values ($1, $2)", [orderId, item]);
      record(new OrderPlaced({ orderId }));
    });
    return context.json({ orderId }, 201);
  });

  return {
    app,
    worker,
    /** Call it when the last request has been answered. */
    async close({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
      await worker.stop({ deadlineMs });
      await unitOfWork.stop({ deadlineMs });
      await jobs.close();
      await pool.end();
    },
  };
}

/** Anybody can send the header. What would break a log line, or fill it, is not taken. */
function fittingId(given: string | undefined): string {
  return given !== undefined && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
