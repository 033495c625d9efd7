import { pgTransactions } from "@acme/domain-events/pg";
import pg, { Pool, type PoolConfig } from "pg";
import { DataSource, type EntityManager, EntitySchema } from "typeorm";
import type { Layer } from "./layer.ts";
import { inUseCountOf, settingsOf, watchPool } from "./pool.ts";
import { typeormManager } from "./typeorm-manager.ts";

const row = new EntitySchema<{ id: number }>({
  name: "row",
  tableName: "rows",
  columns: { id: { type: Number, primary: true } },
});

export const typeormLayer: Layer<EntityManager> = {
  name: "TypeORM",
  isOverPg: true,
  afterSwallowed: "resolves",
  nesting: "savepoint",
  async connect(url, options) {
    // TypeORM connects before it hands out its pool.
    class WatchedPool extends Pool {
      constructor(settings: PoolConfig) {
        super(settings);
        watchPool(this, options);
      }
    }
    const dataSource = new DataSource({
      type: "postgres",
      url,
      entities: [row],
      extra: settingsOf(options),
      driver: { ...pg, Pool: WatchedPool },
      poolErrorHandler() {},
    });
    await dataSource.initialize();
    const { master: pool } = dataSource.driver as unknown as { readonly master: Pool };
    return {
      adapter: pgTransactions(pool, { tx: (client) => typeormManager(dataSource, client) }),
      own: (work) => dataSource.transaction(work),
      inUseCount: inUseCountOf(pool),
      end: () => dataSource.destroy(),
    };
  },
  insert: (tx, id) => tx.insert(row, { id }),
  query: (tx, text) => tx.query(text),
  unwrap: (error) => (error as { driverError?: unknown } | undefined)?.driverError ?? error,
  nested: (tx, work) => tx.transaction(work),
};
