import type { SpeakingConnection } from "./connection-events.ts";
import type { StatusConnection } from "./open-transaction.ts";
import type { PipeliningClient } from "./pipeline.ts";

/** The part of a pg client that the adapter needs. Every `pg.PoolClient` has it. */
export interface PgClient extends PipeliningClient, SpeakingConnection, StatusConnection {
  query(text: string, values?: unknown[]): Promise<PgResult>;
  release(error?: Error | boolean): void;
  /** If a query is running, it closes the socket at once. */
  end?(): Promise<void>;
}

export interface PgResult {
  readonly command: string;
  readonly rows: Record<string, unknown>[];
}

/** The part of a pool that the adapter needs. Every `pg.Pool` has it. */
export interface PgPool {
  connect(): Promise<PgClient>;
}
