import { pgTransactions } from "@acme/domain-events/pg";
import { sql } from "drizzle-orm";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { integer, pgTable } from "drizzle-orm/pg-core";
import { Pool } from "pg";
import type { Layer } from "./layer.ts";

const rows = pgTable("rows", { id: integer().primaryKey() });
const schema = { rows };

export const drizzleLayer: Layer<NodePgDatabase<typeof schema>> = {
  name: "Drizzle",
  async connect(url) {
    const pool = new Pool({ connectionString: url, max: 1 });
    return {
      adapter: pgTransactions(pool, { tx: (client) => drizzle(client, { schema }) }),
      own: (work) => drizzle(pool, { schema }).transaction(work),
      end: () => pool.end(),
    };
  },
  insert: (tx, id) => tx.insert(rows).values({ id }),
  send: (tx, text) => tx.execute(sql.raw(text)),
};
