import { Pool } from "pg";
import { JobsError } from "./errors.ts";

/** A connection string, or a pool of the caller's. */
export type Connection = string | Pool;

/** A pool that is opened at its first use, so that what never connects needs no database. */
export interface LazyPool {
  readonly get: () => Pool;
  /** Ends the pool if it is ours. */
  close(): Promise<void>;
}

/** @throws {@link JobsError} `CONNECTION_INVALID` for what is neither a PostgreSQL URL nor a pool. */
export function lazyPool(connection: Connection | undefined, what: string, size: number): LazyPool {
  if (connection === undefined) return noPool(what);
  if (typeof connection !== "string") {
    if (typeof connection?.connect !== "function" || typeof connection.query !== "function") {
      throw invalid(what);
    }
    guard(connection);
    return { get: () => connection, close: async () => undefined };
  }
  if (!/^postgres(ql)?:\/\//.test(connection) || !URL.canParse(connection)) throw invalid(what);
  let pool: Pool | undefined;
  let isClosed = false;
  return {
    get() {
      if (isClosed) throw new JobsError("CLOSED", "These jobs are closed. Make new ones with createJobs().");
      pool ??= guard(new Pool({ connectionString: connection, max: size, connectionTimeoutMillis: 10_000 }));
      return pool;
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      await pool?.end();
    },
  };
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

/** A connection that is lost between two queries is an event, not the end of the process. The next query tells. */
function guard(pool: Pool): Pool {
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
