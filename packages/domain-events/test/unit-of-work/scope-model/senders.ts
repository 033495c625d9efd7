import type { Knex } from "knex";
import { type PoolClient, Query } from "pg";
import { knexDriver, pgDriver, type WholeDriver } from "../../conformance/drivers.ts";

/** A driver, and what only some of them can do. */
export interface Sender<Tx> {
  readonly driver: WholeDriver<Tx>;
  /** By an object that is a query by itself, where the driver has that. */
  sendObject(tx: Tx, text: string): Promise<unknown>;
  readonly nested?: (tx: Tx, work: (tx: Tx) => Promise<void>) => Promise<void>;
}

export const knexSender: Sender<Knex.Transaction> = {
  driver: knexDriver,
  sendObject: knexDriver.query,
  nested: (tx, work) =>
    tx.transaction(async (inner) => {
      // Knex goes on although it could not set its savepoint, and awaits nothing of that.
      await inner.raw("select 1");
      await work(inner);
    }),
};

export const pgSender: Sender<PoolClient> = {
  driver: pgDriver,
  sendObject: (tx, text) =>
    new Promise((resolve, reject) => {
      tx.query(new Query(text)).on("end", resolve).on("error", reject);
    }),
};
