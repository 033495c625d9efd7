import { Client, type Pool } from "pg";
import { JobsError } from "../errors.ts";
import { answerWithinMs, withQueryTimeout } from "./query-timeout.ts";
import type { Queryable } from "./queryable.ts";

/** How often a pooler is asked: while others use its sessions, too, it may happen to give a client the same one again. */
const roundCount = 7;

/**
 * Two clients with one session between them, or one client with two: a pooler hands sessions out by the transaction. The lock of a worker would stay on
 * whichever session has set it, and its statements would be prepared on others.
 *
 * @throws {@link JobsError} `POOLER_UNSUPPORTED`
 */
export async function refuseSharedSessions(pool: Pool): Promise<void> {
  // Not two of the pool's: whoever holds one and waits for another may wait for ever.
  // pg hides the password from whoever lists the settings.
  const { password, connectionTimeoutMillis = answerWithinMs } = pool.options;
  const limits = { connectionTimeoutMillis, query_timeout: answerWithinMs };
  const client = new Client({ ...pool.options, password, ...limits });
  client.on("error", () => undefined);
  const others = withQueryTimeout(pool);
  try {
    await client.connect();
    const own = await sessionOf(client);
    if (own === sessionByProtocol(client)) return;
    // The others ask once more in each round: a pooler that gives its sessions out in turn would else give the same ones to the same clients.
    for (let round = 1; round <= roundCount; round += 1) {
      if ((await sessionOf(client)) !== own) throw shared();
      if (await isAmong(others, { own, count: round })) throw shared();
    }
  } finally {
    // Not waited for: a network that has gone silent never answers.
    client.end().catch(() => undefined);
  }
}

async function isAmong(others: Queryable, { own, count }: { readonly own: unknown; readonly count: number }) {
  for (let asked = 0; asked < count; asked += 1) if ((await sessionOf(others)) === own) return true;
  return false;
}

async function sessionOf(db: Queryable): Promise<unknown> {
  const { rows } = await db.query("select pg_backend_pid() as pid");
  return rows[0]?.["pid"];
}

/** The number of the session that whoever has accepted the connection has told with `BackendKeyData`. A pooler tells one of its own. */
function sessionByProtocol(client: Client): unknown {
  return (client as { processID?: unknown }).processID;
}

function shared(): JobsError {
  return new JobsError(
    "POOLER_UNSUPPORTED",
    "The connection of the jobs leads through a pooler that shares sessions between clients. A worker needs sessions of its own: connect it to PostgreSQL itself, or to a pooler in session mode.",
  );
}
