import { pgTransactions } from "@acme/domain-events/pg";
import type { Pool, PoolClient } from "pg";
import { DataSource, type EntityManager, EntitySchema } from "typeorm";
import type { Layer } from "./layer.ts";

const row = new EntitySchema<{ id: number }>({
  name: "row",
  tableName: "rows",
  columns: { id: { type: Number, primary: true } },
});

/** An entity manager on a client that is in a transaction already. The fields are protected ones of TypeORM. */
function managerOn(dataSource: DataSource, client: PoolClient): EntityManager {
  const runner = dataSource.createQueryRunner();
  Object.assign(runner, { databaseConnection: client, isTransactionActive: true, transactionDepth: 1 });
  return runner.manager;
}

export const typeormLayer: Layer<EntityManager> = {
  name: "TypeORM",
  async connect(url) {
    const dataSource = new DataSource({ type: "postgres", url, entities: [row], poolSize: 1 });
    await dataSource.initialize();
    const { master: pool } = dataSource.driver as unknown as { readonly master: Pool };
    return {
      adapter: pgTransactions(pool, { tx: (client) => managerOn(dataSource, client) }),
      own: (work) => dataSource.transaction(work),
      end: () => dataSource.destroy(),
    };
  },
  insert: (tx, id) => tx.insert(row, { id }),
  send: (tx, text) => tx.query(text),
};
