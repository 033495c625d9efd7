import { pgTransactions } from "@acme/domain-events/pg";
import { CompiledQuery, Kysely, PostgresDialect, type Transaction } from "kysely";
import { Pool } from "pg";
import { kyselyTransaction } from "./kysely-transaction.ts";
import type { Layer } from "./layer.ts";

interface Tables {
  readonly rows: { readonly id: number };
}

export const kyselyLayer: Layer<Transaction<Tables>> = {
  name: "Kysely",
  async connect(url) {
    const pool = new Pool({ connectionString: url, max: 1 });
    const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    return {
      adapter: pgTransactions(pool, { tx: (client) => kyselyTransaction<Tables>(client) }),
      own: (work) => kysely.transaction().execute(work),
      end: () => pool.end(),
    };
  },
  insert: (tx, id) => tx.insertInto("rows").values({ id }).execute(),
  send: (tx, text) => tx.executeQuery(CompiledQuery.raw(text)),
};
