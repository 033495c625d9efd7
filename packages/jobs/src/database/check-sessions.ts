import { Client, type Pool } from "pg";
import { JobsError } from "../errors.ts";
import { answerWithinMs, withQueryTimeout } from "./query-timeout.ts";
import type { Queryable } from "./queryable.ts";

/** More than one round, because a busy pooler may happen to give a client the same session again. */
const roundCount = 7;

/**
 * Refuses a pooler that assigns a session to each transaction: two clients share one session, or one client has two. A worker's
 * lock would stay on the session that has set it, while the worker's statements ran on others.
 *
 * @throws {@link JobsError} `POOLER_UNSUPPORTED`
 */
export async function refuseSharedSessions(pool: Pool): Promise<void> {
  // A client of its own: a caller that holds one connection of a pool and waits for another may wait for ever.
  // The password is copied by name, because pg makes it non-enumerable.
  const { password, connectionTimeoutMillis = answerWithinMs } = pool.options;
  const limits = { connectionTimeoutMillis, query_timeout: answerWithinMs };
  const client = new Client({ ...pool.options, password, ...limits });
  client.on("error", () => undefined);
  const others = withQueryTimeout(pool);
  try {
    await client.connect();
    const own = await sessionOf(client);
    if (own === sessionByProtocol(client)) return;
    // The pool's connections ask one more time in each round: otherwise a pooler that assigns sessions in turn would give the
    // same sessions to the same clients.
    for (let round = 1; round <= roundCount; round += 1) {
      if ((await sessionOf(client)) !== own) throw shared();
      if (await isAmong(others, { own, count: round })) throw shared();
    }
  } finally {
    // Not awaited, because a network that has gone silent never answers.
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

/** The process id from the message `BackendKeyData`. A pooler sends a number of its own. */
function sessionByProtocol(client: Client): unknown {
  return (client as { processID?: unknown }).processID;
}

function shared(): JobsError {
  return new JobsError(
    "POOLER_UNSUPPORTED",
    "The connection of the jobs leads through a pooler that shares sessions between clients. A worker needs sessions of its own: connect it to PostgreSQL itself, or to a pooler in session mode.",
  );
}
