import { createEventBus, createUnitOfWork } from "@acme/domain-events";
import { pgTransactions } from "@acme/domain-events/pg";
import { createTemplate, createTestDatabase } from "@acme/test-postgres";
import { createJobs } from "@acme/jobs";
import type { INestApplication, ModuleMetadata } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { Pool } from "pg";
import { AcmeModule, type AcmeOptions, requestId } from "../../src/index.ts";
import { OrdersController, Receipts, STORY, type Story } from "./orders.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

interface Settings {
  readonly acme?: Partial<AcmeOptions<never>>;
  readonly story?: Partial<Story>;
  readonly more?: ModuleMetadata;
}

/** The app of these tests, on a database of its own. It is made, and not started. */
export async function createOrderApp({ acme = {}, story, more = {} }: Settings = {}) {
  const database = await createTestDatabase({ template: await createTemplate("nestjs", prepare) });
  const admin = database.pool();
  const told: string[] = [];
  const pool = new Pool({ connectionString: database.url });
  const options = {
    transactions: pgTransactions(pool),
    jobs: { connection: pool },
    logger: silent,
    worker: { pollIntervalMs: 50 },
    close: () => pool.end(),
    ...(acme as object),
  };
  const storyOfApp: Story = { tell: (line) => void told.push(line), gate: async () => {}, ...story };
  class AppModule {}
  const app = await NestFactory.create(
    {
      module: AppModule,
      ...more,
      imports: [AcmeModule.forRootAsync({ useFactory: () => options }), ...(more.imports ?? [])],
      providers: [{ provide: STORY, useValue: storyOfApp }, Receipts, ...(more.providers ?? [])],
      controllers: [OrdersController],
      exports: [STORY],
    },
    { logger: false, abortOnError: false },
  );
  app.use(requestId());
  return {
    app,
    told,
    url: database.url,
    pool,
    database: admin,
    jobs: async () =>
      (await admin.query("select task_identifier as task, locked_at, attempts from graphile_worker.jobs")).rows,
    count: async (table: "orders" | "audit") =>
      (await admin.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]!.n,
    [Symbol.asyncDispose]: async () => {
      await app.close();
      if (!pool.ended) await pool.end();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function prepare(url: string): Promise<void> {
  const pool = new Pool({ connectionString: url });
  await pool.query("create table orders (id int primary key); create table audit (order_id int)");
  const jobs = createJobs({ connection: pool });
  await jobs.migrate();
  await createUnitOfWork(pgTransactions(pool), { bus: createEventBus() }).migrate();
  await jobs.close();
  await pool.end();
}

export async function listen(app: INestApplication): Promise<string> {
  await app.listen(0, "127.0.0.1");
  return await app.getUrl();
}
