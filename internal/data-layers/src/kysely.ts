import { pgTransactions } from "@acme/domain-events/pg";
import { CompiledQuery, type ControlledTransaction, Kysely, PostgresDialect } from "kysely";
import { kyselyTransaction } from "./kysely-transaction.ts";
import type { Layer } from "./layer.ts";
import { inUseCountOf, openPool } from "./pool.ts";

interface Tables {
  readonly rows: { readonly id: number };
}

export const kyselyLayer: Layer<ControlledTransaction<Tables>> = {
  name: "Kysely",
  isOverPg: true,
  afterSwallowed: "rejects",
  nesting: "savepoint",
  async connect(url, options) {
    const pool = openPool(url, options);
    const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    return {
      adapter: pgTransactions(pool, { tx: (client) => kyselyTransaction<Tables>(client) }),
      own: (work) => kysely.transaction().execute((tx) => work(tx as never)),
      inUseCount: inUseCountOf(pool),
      end: () => pool.end(),
    };
  },
  insert: (tx, id) => tx.insertInto("rows").values({ id }).execute(),
  query: (tx, text) => tx.executeQuery(CompiledQuery.raw(text)),
  async nested(tx, work) {
    const part = await tx.savepoint("part").execute();
    try {
      await work(part);
      await part.releaseSavepoint("part").execute();
    } catch (error) {
      await part.rollbackToSavepoint("part").execute();
      throw error;
    }
  },
};
