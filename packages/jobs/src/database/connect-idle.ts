import { withTimeout } from "@acme/shared/timeout";
import type { Pool, PoolClient } from "pg";

/** What is known of a client of pg, behind its last answer. */
interface Status {
  getTransactionStatus?(): string | null;
}

/** A caller's pool may have no limit of its own, and a password that is asked for elsewhere may never come. */
const longestConnectMs = 30_000;

const guarded = new WeakSet<PoolClient>();

/**
 * The pool of a caller may have opened the client before anybody here listened to the pool. A connection that is lost in the middle of a statement is said by the
 * statement, and by an event, which would end the process.
 */
export function guardClient(client: PoolClient): void {
  if (guarded.has(client)) return;
  guarded.add(client);
  client.on("error", () => undefined);
}

/** Code that shares the pool may have left a transaction open in a connection: what is written there would not count before it ends. */
export async function connectIdle(pool: Pool, withinMs = longestConnectMs): Promise<PoolClient> {
  for (let left = pool.options.max; ; left -= 1) {
    const client = await connect(pool, withinMs);
    guardClient(client);
    const status = (client as Status).getTransactionStatus?.() ?? "I";
    // Whoever begins a transaction in each new connection gets one of those.
    if (status === "I" || left <= 0) return client;
    client.release(true);
  }
}

async function connect(pool: Pool, withinMs: number): Promise<PoolClient> {
  const connecting = pool.connect();
  let isLate = false;
  try {
    return await withTimeout(withinMs, connecting, () => {
      isLate = true;
      return new Error(tooLate);
    });
  } finally {
    if (isLate)
      connecting.then(
        (client) => client.release(),
        () => undefined,
      );
  }
}

/** As pg's own pool says it. */
const tooLate = "timeout exceeded when trying to connect";
