import { Pool, type PoolClient } from "pg";
import { JobsError } from "../errors.ts";
import { withTimeout } from "@acme/shared/timeout";

const longestEndMs = 5_000;
/** A listener sends nothing, so only keep-alive packets can tell it that its connection is gone. */
const keptAlive = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 };

/** A connection string, or the caller's own pool. */
export type Connection = string | Pool;

/** A pool that is opened at its first use, so that a process that never queries needs no database. */
export interface LazyPool {
  readonly get: () => Pool;
  /**
   * Ends the pool within seconds if this package has opened it. Connections that do not end on a silent network are cut
   * off.
   */
  close(): Promise<void>;
}

/** @throws {@link JobsError} `CONNECTION_INVALID` for a connection that is neither a PostgreSQL URL nor a pool. */
export function lazyPool(connection: Connection | undefined, what: string, size: number): LazyPool {
  if (connection === undefined) return noPool(what);
  if (typeof connection !== "string") {
    if (typeof connection?.connect !== "function" || typeof connection.query !== "function") {
      throw invalid(what);
    }
    return givenPool(guard(connection));
  }
  if (!/^postgres(ql)?:\/\//.test(connection) || !URL.canParse(connection)) throw invalid(what);
  let pool: Pool | undefined;
  let isClosed = false;
  const clients = new Set<PoolClient>();
  const open = () => {
    const opened = guard(
      new Pool({ connectionString: connection, max: size, connectionTimeoutMillis: 10_000, ...keptAlive }),
    );
    return opened.on("connect", (client) => clients.add(client)).on("remove", (client) => clients.delete(client));
  };
  const cutOff = () => clients.forEach((client) => streamOf(client)?.destroy());
  return {
    get() {
      if (isClosed) throw closed();
      return (pool ??= open());
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      if (pool) await withTimeout(longestEndMs, pool.end()).catch(cutOff);
    },
  };
}

function givenPool(pool: Pool): LazyPool {
  let isClosed = false;
  return {
    get() {
      if (isClosed) throw closed();
      return pool;
    },
    async close() {
      isClosed = true;
    },
  };
}

/** Destroying the stream is the only way to end a connection whose server does not answer. */
function streamOf(client: PoolClient): { destroy(): void } | undefined {
  return (client as { readonly connection?: { readonly stream?: { destroy(): void } } }).connection?.stream;
}

export function closed(): JobsError {
  return new JobsError("CLOSED", "These jobs are closed. Make new ones with createJobs().");
}

function noPool(what: string): LazyPool {
  return {
    get() {
      throw new JobsError(
        "CONNECTION_MISSING",
        `These jobs were made without a connection to the ${what}: they only write to the outbox. Give createJobs() a "connection".`,
      );
    },
    close: async () => undefined,
  };
}

const guarded = new WeakSet<Pool>();
const ignoreLoss = () => undefined;

/**
 * Keeps the `error` events of lost connections from ending the process: a connection may be lost between two queries, or as
 * soon as it is open. The next query reports the loss.
 */
export function guard(pool: Pool): Pool {
  if (guarded.has(pool)) return pool;
  guarded.add(pool);
  pool.on("error", ignoreLoss);
  pool.on("connect", (client) => client.on("error", ignoreLoss));
  return pool;
}

function invalid(what: string): JobsError {
  return new JobsError(
    "CONNECTION_INVALID",
    `The connection of the ${what} is neither a URL (postgres://user:password@host:5432/database) nor a pg.Pool.`,
  );
}
