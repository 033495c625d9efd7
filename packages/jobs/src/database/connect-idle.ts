import { withTimeout } from "@acme/shared/timeout";
import type { Pool, PoolClient } from "pg";

/** The transaction status of a pg client after its last answer. */
interface Status {
  getTransactionStatus?(): string | null;
}

/** A caller's pool may have no limit of its own, and a password that is asked for elsewhere may never come. */
const longestConnectMs = 30_000;

const guarded = new WeakSet<PoolClient>();

/**
 * Keeps the `error` event of a lost connection from ending the process. The statement rejects as well, so nothing is missed. A
 * listener on the pool is not enough: the caller's pool may have opened the client before this package listened.
 */
export function guardClient(client: PoolClient): void {
  if (guarded.has(client)) return;
  guarded.add(client);
  client.on("error", () => undefined);
}

/**
 * Checks a connection out that has no open transaction. Other code that shares the pool may have left one open, and a statement
 * in it would have no effect before that transaction ends.
 */
export async function connectIdle(pool: Pool, withinMs = longestConnectMs): Promise<PoolClient> {
  for (let left = pool.options.max; ; left -= 1) {
    const client = await connect(pool, withinMs);
    guardClient(client);
    const status = (client as Status).getTransactionStatus?.() ?? "I";
    // If even new connections have a transaction, the application has begun it on purpose: use one of them.
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
