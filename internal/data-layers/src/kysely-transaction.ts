import { type ControlledTransaction, Kysely, PostgresDialect, type PostgresPoolClient } from "kysely";
import type { PoolClient } from "pg";

type Query = (text: never, values: never) => Promise<unknown>;

/** A transaction of Kysely on a client that is in a transaction already: the BEGIN of Kysely's own is not sent. */
export function kyselyTransaction<Tables>(client: PoolClient): Promise<ControlledTransaction<Tables>> {
  let hasBegun = false;
  const query: Query = async (text, values) => {
    if (hasBegun) return client.query(text, values);
    hasBegun = true;
    return { command: "BEGIN", rows: [], rowCount: null };
  };
  const connection = { query, release() {} } as unknown as PostgresPoolClient;
  const pool = { connect: async () => connection, end: async () => {}, options: {} };
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }).startTransaction().execute();
}
