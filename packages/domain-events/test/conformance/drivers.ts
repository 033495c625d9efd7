import { serverUrl } from "@acme/test-postgres";
import knex, { type Knex } from "knex";
import { type Client, Pool, type PoolClient, Query, type Submittable } from "pg";
import QueryStream from "pg-query-stream";
import { knexTransactions } from "../../src/knex.ts";
import { pgTransactions } from "../../src/pg.ts";
import type { TestedAdapter } from "../../src/conformance/tested-adapter.ts";

/** A driver for which no test is skipped. */
export type WholeDriver<Tx> = TestedAdapter<Tx> & Required<Pick<TestedAdapter<Tx>, "queryCalling" | "stream">>;

export const knexDriver: WholeDriver<Knex.Transaction> = {
  name: "knex",
  databaseUrl: serverUrl,
  isOverPg: true,
  connect(url, { max, queryTimeoutMs, onClient }) {
    const instance = knex({
      client: "pg",
      connection: { connectionString: url, application_name: "unit", ...queryTimeout(queryTimeoutMs) },
      pool: {
        min: 0,
        max,
        afterCreate(client: Client, done: () => void) {
          onClient(client);
          done();
        },
      },
      acquireConnectionTimeout: 5_000,
      // Lost connections are what these tests are about.
      log: { warn() {}, error() {}, debug() {}, deprecate() {} },
    });
    // Knex's types do not know its pool.
    const { pool } = instance.client as { pool: { numUsed(): number } };
    return { adapter: knexTransactions(instance), inUseCount: () => pool.numUsed(), end: () => instance.destroy() };
  },
  query: async (tx, text) => tx.raw(text),
  queryCalling(tx, text, called) {
    void tx.raw(text).asCallback(called);
  },
  async stream(tx, text, onRow) {
    const over = Promise.withResolvers<void>();
    over.promise.catch(() => {});
    let isOver = (): boolean => false;
    await tx.raw(text).stream((rows) => {
      isOver = () => rows.writableEnded;
      rows.on("data", onRow).on("error", over.reject).on("close", over.resolve);
    });
    // Of a transaction that has ended meanwhile knex says nothing, and its stream never ends.
    if (!isOver()) over.reject(new Error("Transaction query already complete"));
    return over.promise;
  },
  meddling: [
    { how: "tx.commit()", meddle: (tx) => tx.commit() },
    { how: "tx.rollback()", meddle: (tx) => tx.rollback() },
  ],
  callbackStyles: [
    { how: "asCallback", call: (tx, then) => void tx.raw("select 1").asCallback(then) },
    {
      how: "query-response",
      call: (tx, then) =>
        void tx
          .select(1)
          .on("query-response", then)
          .catch(() => {}),
    },
    {
      how: "the close of a cursor",
      // What knex calls a connection is the client of pg.
      call: (tx, then) =>
        void (tx.client as { acquireConnection(): Promise<Client> })
          .acquireConnection()
          .then((client) => closeCursor(client.query(newCursor()), then)),
    },
  ],
};

const manyRows = "select generate_series(1, 1000)";

interface Cursor extends Submittable {
  read(count: number, then: () => void): void;
  close(then: () => void): void;
}

/** The one of a stream: the package of cursors has no types. */
function newCursor(): Cursor {
  return new QueryStream(manyRows).cursor as Cursor;
}

function closeCursor(cursor: Cursor, then: () => void): void {
  cursor.read(1, () => cursor.close(then));
}

export const pgDriver: WholeDriver<PoolClient> = {
  name: "pg",
  databaseUrl: serverUrl,
  isOverPg: true,
  connect(url, { max, queryTimeoutMs, onClient }) {
    const pool = new Pool({ connectionString: url, application_name: "unit", max, ...queryTimeout(queryTimeoutMs) });
    pool.on("error", () => {});
    pool.on("connect", onClient);
    return {
      adapter: pgTransactions(pool),
      inUseCount: () => pool.totalCount - pool.idleCount,
      end: () => pool.end(),
    };
  },
  query: (tx, text) => tx.query(text),
  queryCalling(tx, text, called) {
    tx.query(text, [], called);
  },
  stream: (tx, text, onRow) =>
    new Promise((resolve, reject) => {
      tx.query(new QueryStream(text)).on("data", onRow).on("error", reject).on("close", resolve);
    }),
  meddling: [
    { how: "tx.release()", meddle: (tx) => tx.release() },
    { how: "tx.end()", meddle: (tx) => tx.end() },
  ],
  callbackStyles: [
    { how: "text, callback", call: (tx, then) => tx.query("select 1", then) },
    { how: "text, values, callback", call: (tx, then) => tx.query("select $1::int", [1], then) },
    { how: "config with a callback", call: (tx, then) => void tx.query({ text: "select 1", callback: then } as never) },
    { how: "a row of a query object", call: (tx, then) => void tx.query(new Query("select 1")).on("row", then) },
    { how: "the close of a cursor", call: (tx, then) => closeCursor(tx.query(newCursor()), then) },
    {
      how: "the close of a stream that was left",
      call(tx, then) {
        const stream = tx.query(new QueryStream(manyRows, [], { batchSize: 5 })).on("close", then);
        stream.once("data", () => stream.destroy());
      },
    },
    {
      how: "a listener of the client",
      call(tx, then) {
        tx.once("notice", then);
        void tx.query("do $$ begin raise notice 'hello'; end $$");
      },
    },
  ],
};

function queryTimeout(queryTimeoutMs: number | undefined): { query_timeout?: number } {
  return queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs };
}
