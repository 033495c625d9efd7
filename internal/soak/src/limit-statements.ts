import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import type { Urls } from "./soak-tables.ts";
import type { TimeLimit } from "./faults.ts";

/** Too often means that the server is not there, which is nobody's fault but the soak's. */
const mostTries = 100;

/**
 * Every statement of everybody is under this limit for a while, also in sessions that are open.
 *
 * Its own session is in a database of its own, and under none.
 */
export async function limitStatements({ setting, limitMs, forMs }: TimeLimit, urls: () => Urls): Promise<void> {
  await alterSystem(urls, `alter system set ${setting} = '${limitMs}ms'`);
  await pause(forMs);
  await alterSystem(urls, `alter system reset ${setting}`);
}

async function alterSystem(urls: () => Urls, sql: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await alterSystemOnce(urls().app, sql);
    } catch (error) {
      if (tries === mostTries) throw error;
      await pause(100);
    }
  }
}

async function alterSystemOnce(url: string, sql: string): Promise<void> {
  const connectionString = Object.assign(new URL(url), { pathname: "/postgres" }).href;
  const client = new Client({ connectionString, options: "-c statement_timeout=0", connectionTimeoutMillis: 2_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(sql);
    await client.query("select pg_reload_conf()");
  } finally {
    await client.end().catch(() => undefined);
  }
}
