import type { Pool, PoolClient } from "pg";

/** What is known of a client of pg, behind its last answer. */
interface Status {
  getTransactionStatus?(): string | null;
}

/** Code that shares the pool may have left a transaction open in a connection: what is written there would not count before it ends. */
export async function connectIdle(pool: Pool): Promise<PoolClient> {
  for (let left = pool.options.max; ; left -= 1) {
    const client = await pool.connect();
    const status = (client as Status).getTransactionStatus?.() ?? "I";
    // Whoever begins a transaction in each new connection gets one of those.
    if (status === "I" || left <= 0) return client;
    client.release(true);
  }
}
