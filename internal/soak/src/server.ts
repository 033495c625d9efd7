import { rm } from "node:fs/promises";
import { type LocalPostgres, makeThrowAwayDirectory, startLocalPostgres } from "@acme/local-postgres";
import type { Urls } from "./books.ts";

/** One PostgreSQL with both databases, which can go away and come back. */
export interface Server extends AsyncDisposable {
  readonly urls: Urls;
  readonly port: number;
  /** Cuts every connection; resolves when the server accepts new ones, after so many milliseconds without it. */
  restart(downForMs: number): Promise<void>;
}

export async function startServer(pause: (ms: number) => Promise<void>): Promise<Server> {
  const dataDir = makeThrowAwayDirectory();
  const first = await startLocalPostgres({ dataDir, databases: ["app", "jobs"], durable: true });
  let running: LocalPostgres = first;

  return {
    urls: { app: first.url("app"), jobs: first.url("jobs") },
    port: first.port,
    async restart(downForMs) {
      await running.stop();
      await pause(downForMs);
      running = await startLocalPostgres({ dataDir, port: first.port, durable: true });
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
