import { randomUUID } from "node:crypto";
import { createEventBus, createUnitOfWork, withCorrelation } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createJobs } from "@acme/jobs";
import Fastify, { type FastifyInstance } from "fastify";
import { Pool, type PoolClient } from "pg";
import type { Config } from "./config.ts";
import { OrderPlaced, performSendReceipt, sendReceipt } from "./orders.ts";

export async function createApp({ databaseUrl, mailUrl, stopDeadlineMs }: Config): Promise<FastifyInstance> {
  const app = Fastify({ logger: true, genReqId: ({ headers }) => fittingId(headers["x-request-id"]) });
  const logger = app.log;

  const pool = new Pool({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  // The pool replaces an idle connection that is lost. Without a listener, the error would end the process.
  pool.on("error", (err) => logger.warn({ err }, "an idle connection was lost"));
  const bus = createEventBus<PoolClient>({ logger });
  const unitOfWork = createUnitOfWork(pgTransactions(pool), { bus });
  const jobs = createJobs({ connection: pool, logger });
  bus.register(
    OrderPlaced,
    jobs.durable(sendReceipt, ({ orderId }) => ({ orderId })),
  );

  await pool.query("create table if not exists orders (id uuid primary key, item text not null check (item <> ''))");
  await jobs.migrate();
  const worker = await jobs.startWorker({ tasks: [performSendReceipt(mailUrl)], concurrency: 10 });

  // In a hook with `done`: what Fastify does afterwards runs inside.
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("x-request-id", request.id);
    withCorrelation({ requestId: request.id }, done);
  });
  app.get("/health", () => jobs.health());
  app.post<{ Body: { item: string } }>("/orders", async (request, reply) => {
    const orderId = randomUUID();
    await unitOfWork.run(async ({ tx, record }) => {
      await tx.query("insert into orders (id, item) values ($1, $2)", [orderId, request.body.item]);
      record(new OrderPlaced({ orderId }));
    });
    return await reply.code(201).send({ orderId });
  });

  // Fastify calls preClose at once, and onClose when the last request has been answered.
  let workerStopped: Promise<void> | undefined;
  app.addHook("preClose", (done) => {
    logger.info("stopping");
    workerStopped = worker.stop({ deadlineMs: stopDeadlineMs });
    // Clients keep their connections after the last answer, and would hold up the close.
    setInterval(() => app.server.closeIdleConnections(), 100).unref();
    setTimeout(() => app.server.closeAllConnections(), stopDeadlineMs).unref();
    done();
  });
  app.addHook("onClose", async () => {
    await workerStopped;
    await unitOfWork.stop({ deadlineMs: stopDeadlineMs });
    await jobs.close();
    await pool.end();
  });
  return app;
}

/** Anybody can send the header. What would break a log line, or fill it, is not taken. */
function fittingId(given: string | string[] | undefined): string {
  return typeof given === "string" && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
