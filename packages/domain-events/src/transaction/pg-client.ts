import type { SpeakingConnection } from "./connection-events.ts";
import type { StatusConnection } from "./open-transaction.ts";
import type { PipeliningClient } from "./pipeline.ts";

/** The part of a pg client that is needed; a `pg.PoolClient` is one. */
export interface PgClient extends PipeliningClient, SpeakingConnection, StatusConnection {
  query(text: string, values?: unknown[]): Promise<PgResult>;
  release(error?: Error | boolean): void;
  /** With a query under way, the socket is closed at once. */
  end?(): Promise<void>;
}

export interface PgResult {
  readonly command: string;
  readonly rows: Record<string, unknown>[];
}

/** The part of a pool that is needed; a `pg.Pool` is one. */
export interface PgPool {
  connect(): Promise<PgClient>;
}
