import type { SpeakingConnection } from "./connection-events.ts";
import type { StatusConnection } from "./open-transaction.ts";
import { expectNoAnswers, type PipeliningClient } from "./pipeline.ts";

/** The pg client on which a transaction of knex runs. */
export interface KnexConnection extends PipeliningClient, SpeakingConnection, StatusConnection {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: Record<string, unknown>[] }>;
  end(): Promise<void>;
  /** Knex's own mark: its pool throws such a connection away instead of handing it out again. */
  __knex__disposed?: unknown;
}

export function markDisposed(connection: KnexConnection, reason: unknown): void {
  // oxlint-disable-next-line no-underscore-dangle -- the name is knex's.
  connection.__knex__disposed ??= reason;
}

export function markUsable(connection: KnexConnection): void {
  // oxlint-disable-next-line no-underscore-dangle -- the name is knex's.
  connection.__knex__disposed = undefined;
}

export function isDisposed(connection: KnexConnection): boolean {
  // oxlint-disable-next-line no-underscore-dangle -- the name is knex's.
  return connection.__knex__disposed !== undefined;
}

/** Closes a connection that no longer answers, and keeps the pool from handing it out again. */
export function discard(connection: KnexConnection, reason: unknown): void {
  markDisposed(connection, reason);
  expectNoAnswers(connection);
  connection.end().catch(() => {});
}
