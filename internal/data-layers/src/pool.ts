import type { ConnectOptions } from "@acme/domain-events/conformance";
import { Pool, type PoolConfig } from "pg";

/** What a pool of pg has to be told, whoever makes it. */
export function settingsOf({ max, queryTimeoutMs }: ConnectOptions): PoolConfig {
  return { max, ...(queryTimeoutMs !== undefined && { query_timeout: queryTimeoutMs }) };
}

export function openPool(url: string, options: ConnectOptions): Pool {
  return watchPool(new Pool({ connectionString: url, ...settingsOf(options) }), options);
}

/** Connections are lost on purpose, which must not end the process. */
export function watchPool(pool: Pool, { onClient }: ConnectOptions): Pool {
  return pool.on("error", () => {}).on("connect", onClient);
}

export function inUseCountOf(pool: Pool): () => number {
  return () => pool.totalCount - pool.idleCount;
}
