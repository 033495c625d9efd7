import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { sendSignal } from "./processes.ts";
import type { ServerLog } from "./server-log.ts";
import { within } from "./within.ts";

const patienceMs = 30_000;
const lookEveryMs = 5;

/**
 * Kills one backend with SIGKILL, as the kernel does when memory runs out. PostgreSQL cannot know what that backend has
 * left in shared memory, so it ends all other backends and recovers from its WAL. Resolves when it accepts connections
 * again.
 *
 * If no process id is given, a new backend is started and killed.
 */
export async function crash(url: string, log: ServerLog, pid?: number): Promise<void> {
  const victim = pid === undefined ? await connectVictim(url) : undefined;
  const recovered = log.next(/all server processes terminated; reinitializing/, /ready to accept (read-only )?connect/);
  sendSignal(pid ?? victim?.pid ?? 0, "SIGKILL");
  await within(patienceMs, recovered, () => `The server did not crash and recover. Its log:\n${log.tail()}`);
  await victim?.ended;
}

/** The server may be busy with an earlier recovery. */
async function connectVictim(url: string): Promise<{ pid: number; ended: Promise<void> }> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const client = new Client({ connectionString: url, application_name: "victim" });
    const ended = new Promise<void>((resolve) => void client.once("end", resolve));
    client.on("error", () => {});
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
      return { pid: rows[0]?.pid ?? 0, ended };
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await client.end().catch(() => {});
      await delay(lookEveryMs);
    }
  }
}
