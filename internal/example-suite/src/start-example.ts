import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { type Child, createTestDatabase } from "@acme/test-postgres";
import type { Pool } from "pg";
import { vi } from "vitest";
import { startMailService } from "./mail-service.ts";

/** How the processes of an example are started. */
export interface Example {
  /** Serves HTTP, and runs the jobs unless there is {@link startWorker}. */
  startServer(env: Record<string, string>): Child;
  /** Runs the jobs in a process of its own. */
  startWorker?(env: Record<string, string>): Child;
}

export type RunningExample = Awaited<ReturnType<typeof startExample>>;

/** Starts an example on a database of its own, and waits until it answers. */
export async function startExample(example: Example, settings: Record<string, string> = {}) {
  await using starting = new AsyncDisposableStack();
  const mailService = starting.use(await startMailService());
  const database = starting.use(await createTestDatabase());
  const pool = database.pool();
  const port = String(await freePort());
  const env = { DATABASE_URL: database.url, MAIL_URL: mailService.url, PORT: port, ...settings };
  const url = `http://127.0.0.1:${port}`;
  const ownWorker = example.startWorker && starting.use(example.startWorker(env));
  // It makes the tables.
  if (ownWorker) await vi.waitUntil(() => ownWorker.stdout().includes("ready"), { timeout: 60_000 });
  const server = starting.use(example.startServer(env));
  await vi.waitUntil(() => answers(url, server), { timeout: 60_000 });
  const worker = ownWorker ?? server;
  const resources = starting.move();
  return {
    url,
    server,
    /** The process that runs the jobs. */
    worker,
    mailService,
    jobs: async () => (await pool.query("select attempts, locked_at from graphile_worker.jobs")).rows,
    lockOrders: () => lockOrders(pool),
    place: (order: object, headers: Record<string, string> = {}) =>
      fetch(`${url}/orders`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(order),
      }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Lets a request that stores an order wait. */
async function lockOrders(pool: Pool) {
  const client = await pool.connect();
  await client.query("begin; lock table orders in exclusive mode");
  let isLocked = true;
  const unlock = async () => {
    if (!isLocked) return;
    isLocked = false;
    await client.query("rollback");
    client.release();
  };
  return {
    async waitingCount(): Promise<number> {
      const { rows } = await client.query<{ n: number }>("select count(*)::int as n from pg_locks where not granted");
      return rows[0]?.n ?? 0;
    },
    unlock,
    [Symbol.asyncDispose]: unlock,
  };
}

async function answers(url: string, server: Child): Promise<boolean> {
  const hasEnded = server.ended.then(() => Promise.reject(new Error(`The server has ended: ${server.stderr()}`)));
  const answer = fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
  return await Promise.race([answer, hasEnded]);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
