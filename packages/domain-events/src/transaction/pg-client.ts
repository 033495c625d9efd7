import type { SpeakingConnection } from "./connection-events.ts";
import type { StatusConnection } from "./open-transaction.ts";
import type { PipeliningClient } from "./pipeline.ts";

/**
 * The part of a pg client that the adapter needs. Every `pg.PoolClient` has it.
 *
 * @throws from its methods what pg throws.
 */
export interface PgClient extends PipeliningClient, SpeakingConnection, StatusConnection {
  /** Sends one statement with `$1` placeholders. */
  query(text: string, values?: unknown[]): Promise<PgResult>;
  /** Gives the client back to its pool; with an error or `true`, the pool closes it. */
  release(error?: Error | boolean): void;
  /** If a query is running, it closes the socket at once. */
  end?(): Promise<void>;
}

export interface PgResult {
  readonly command: string;
  readonly rows: Record<string, unknown>[];
}

/**
 * The part of a pool that the adapter needs. Every `pg.Pool` has it.
 *
 * @throws from its method what pg throws.
 */
export interface PgPool {
  /** Checks out a client. */
  connect(): Promise<PgClient>;
}
