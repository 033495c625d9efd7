import { pgTransactions } from "@acme/domain-events/pg";
import { DriverException, EntitySchema, MikroORM, type SqlEntityManager } from "@mikro-orm/postgresql";
import type { Pool } from "pg";
import { kyselyTransaction } from "./kysely-transaction.ts";
import type { Layer } from "./layer.ts";
import { inUseCountOf, settingsOf, watchPool } from "./pool.ts";

interface Row {
  readonly id: number;
}

const row = new EntitySchema<Row>({
  name: "Row",
  tableName: "rows",
  properties: { id: { type: "number", primary: true, autoincrement: false } },
});

export const mikroOrmLayer: Layer<SqlEntityManager> = {
  name: "MikroORM",
  isOverPg: true,
  afterSwallowed: "resolves",
  nesting: "savepoint",
  async connect(url, options) {
    const orm = await MikroORM.init({
      clientUrl: url,
      entities: [row],
      driverOptions: { ...settingsOf(options), onPoolCreated: (pool: Pool) => void watchPool(pool, options) },
      // Lost connections are what the tests are about.
      logger() {},
    });
    const pool = await orm.em.getConnection().getNativeClient();
    return {
      adapter: pgTransactions(pool, {
        async tx(client) {
          const em = orm.em.fork() as SqlEntityManager;
          em.setTransactionContext(await kyselyTransaction(client));
          return em;
        },
        beforeCommit: (em) => em.flush(),
      }),
      own: (work) => (orm.em.fork() as SqlEntityManager).transactional(work),
      inUseCount: inUseCountOf(pool),
      end: () => orm.close(),
    };
  },
  insert: (tx, id) => tx.persist(tx.create(row, { id })),
  query: (tx, text) => tx.getConnection().execute(text, [], "run", tx.getTransactionContext()),
  unwrap: (error) => (error instanceof DriverException ? error.cause : error),
  nested: (tx, work) => tx.transactional(work),
};
