import type { TransactionAdapter } from "@acme/domain-events";
import { knexTransactions } from "@acme/domain-events/knex";
import { pgTransactions } from "@acme/domain-events/pg";
import createKnex, { type Knex } from "knex";
import type pg from "pg";
import { openPool, queryTimeoutMs, urls } from "./process.ts";

/** What a writer needs of the library it reaches its database with. */
export interface Driver<Tx> {
  readonly adapter: TransactionAdapter<Tx>;
  insert(tx: Tx, table: string, row: Readonly<Record<string, unknown>>): Promise<unknown>;
  execute(tx: Tx, sql: string): Promise<Result>;
  close(): Promise<void>;
}

interface Result {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

export function openWithPg(max: number): Driver<pg.PoolClient> {
  const pool = openPool(max);
  return {
    adapter: pgTransactions(pool),
    insert(tx, table, row) {
      const places = Object.keys(row).map((_column, index) => `$${index + 1}`);
      const sql = `insert into soak.${table} (${Object.keys(row).join(", ")}) values (${places.join(", ")})`;
      return tx.query(sql, Object.values(row));
    },
    execute: (tx, sql) => tx.query(sql),
    close: () => pool.end(),
  };
}

export function openWithKnex(max: number): Driver<Knex.Transaction> {
  const knex = createKnex({
    client: "pg",
    connection: { connectionString: urls.app, query_timeout: queryTimeoutMs },
    pool: { min: 0, max },
    acquireConnectionTimeout: 10_000,
  });
  return {
    adapter: knexTransactions(knex),
    insert: async (tx, table, row) => tx.withSchema("soak").from(table).insert(row),
    execute: async (tx, sql) => tx.raw<Result>(sql),
    close: () => knex.destroy(),
  };
}
