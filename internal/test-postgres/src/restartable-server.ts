import { rm } from "node:fs/promises";
import { type LocalPostgres, makeThrowAwayDirectory, startLocalPostgres } from "@acme/local-postgres";

export interface RestartableServer extends AsyncDisposable {
  readonly port: number;
  /** A superuser's connection string; the same before and after a restart. */
  url(database?: string): string;
  /** Cuts all connections; new ones are refused until `start()`. Nothing committed is lost. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface RestartableServerOptions {
  /** Databases to create, besides `postgres`. */
  databases?: string[];
}

/** Starts a server that one test has for itself, to stop it and start it again on the same port with the same data. */
export async function startServer({ databases = [] }: RestartableServerOptions = {}): Promise<RestartableServer> {
  const dataDir = makeThrowAwayDirectory();
  const first = await startLocalPostgres({ dataDir, databases });
  let running: LocalPostgres | undefined = first;

  async function stop(): Promise<void> {
    await running?.stop();
    running = undefined;
  }
  return {
    port: first.port,
    url: first.url,
    stop,
    async start() {
      running ??= await startLocalPostgres({ dataDir, port: first.port });
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
