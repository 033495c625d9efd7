import { describeTransactionAdapter } from "@acme/domain-events/conformance";
import { pgTransactions } from "@acme/domain-events/pg";
import { Pool, type PoolClient } from "pg";

describeTransactionAdapter({
  name: "pg",
  databaseUrl: "postgres://postgres@localhost/postgres",
  isOverPg: true,
  connect(url, { max, onClient }) {
    const pool = new Pool({ connectionString: url, max });
    pool.on("connect", onClient);
    return {
      adapter: pgTransactions(pool),
      inUseCount: () => pool.totalCount - pool.idleCount,
      end: () => pool.end(),
    };
  },
  query: (tx, text) => tx.query(text),
  callbackStyles: [{ how: "text, callback", call: (tx, then) => tx.query("select 1", then) }],
});

// @ts-expect-error -- nothing says how it connects.
describeTransactionAdapter({ name: "pg", databaseUrl: "", query: async () => {} });

describeTransactionAdapter<PoolClient>(
  { name: "pg", databaseUrl: "", connect: async () => Promise.reject(), query: (tx, text) => tx.query(text) },
  // @ts-expect-error -- no such part.
  { parts: ["everything"] },
);
