import { rm } from "node:fs/promises";
import { makeThrowAwayDirectory, startLocalPostgres } from "@acme/local-postgres";
import { Client } from "../engine.ts";

export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
  /** What a reader must know to believe the figures. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A commit means the disk, as it does where it matters. Only checkpoints are spaced out: one of them falls on whoever runs then. */
const tuning = { max_wal_size: "8GB", checkpoint_timeout: "30min" };
const shown = [
  "server_version",
  "fsync",
  "synchronous_commit",
  "full_page_writes",
  "wal_sync_method",
  "shared_buffers",
  "autovacuum",
];

export async function startPostgres(): Promise<PostgresServer> {
  const dataDir = makeThrowAwayDirectory();
  const server = await startLocalPostgres({ dataDir, durable: true });
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  for (const [name, value] of Object.entries(tuning)) {
    await client.query(`alter system set ${name} = '${value}'`);
  }
  await client.query("select pg_reload_conf()");
  const settings: Record<string, string> = {};
  for (const name of [...shown, ...Object.keys(tuning)]) {
    const { rows } = await client.query<{ value: string }>("select current_setting($1) as value", [name]);
    settings[name] = rows[0]?.value ?? "";
  }
  await client.end();

  return {
    url: server.url(),
    settings,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
