import { rm } from "node:fs/promises";
import { type LocalPostgres, makeThrowAwayDirectory, startLocalPostgres } from "@acme/local-postgres";
import type { Urls } from "./books.ts";

/** One PostgreSQL with both databases, which can go away and come back. */
export interface Server extends AsyncDisposable {
  readonly urls: Urls;
  readonly port: number;
  /** Cuts every connection. */
  stop(): Promise<void>;
  /** Resolves when the server accepts connections again. */
  start(): Promise<void>;
}

export async function startServer(): Promise<Server> {
  const dataDir = makeThrowAwayDirectory();
  const first = await startLocalPostgres({ dataDir, databases: ["app", "jobs"], durable: true });
  let running: LocalPostgres = first;

  return {
    urls: { app: first.url("app"), jobs: first.url("jobs") },
    port: first.port,
    stop: () => running.stop(),
    async start() {
      running = await startLocalPostgres({ dataDir, port: first.port, durable: true });
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
