import { pgTransactions } from "@acme/domain-events/pg";
import { DrizzleQueryError, sql } from "drizzle-orm";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { integer, pgTable } from "drizzle-orm/pg-core";
import type { Layer } from "./layer.ts";
import { inUseCountOf, openPool } from "./pool.ts";

const rows = pgTable("rows", { id: integer().primaryKey() });
const schema = { rows };

export const drizzleLayer: Layer<NodePgDatabase<typeof schema>> = {
  name: "Drizzle",
  isOverPg: true,
  afterSwallowed: "resolves",
  nesting: "refused",
  async connect(url, options) {
    const pool = openPool(url, options);
    return {
      adapter: pgTransactions(pool, { tx: (client) => drizzle(client, { schema }) }),
      own: (work) => drizzle(pool, { schema }).transaction(work),
      inUseCount: inUseCountOf(pool),
      end: () => pool.end(),
    };
  },
  insert: (tx, id) => tx.insert(rows).values({ id }),
  query: (tx, text) => tx.execute(sql.raw(text)),
  unwrap: (error) => (error instanceof DrizzleQueryError ? error.cause : error),
  nested: (tx, work) => tx.transaction(work),
};
