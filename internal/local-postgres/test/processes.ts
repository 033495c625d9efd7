import { readFileSync } from "node:fs";
import { Client } from "pg";

/** Runs one query on a connection of its own. */
export async function ask(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** The processes behind a connection string: the server, and the supervisor that started it. */
export async function processesOf(url: string): Promise<{ server: number; supervisor: number }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  const server = statusOf(rows[0]!.pid, "PPid");
  await client.end();
  return { server, supervisor: statusOf(server, "PPid") };
}

/** A number from Linux's table of processes: the first one of that line. */
export function statusOf(pid: number, field: "PPid" | "Uid"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]);
}
