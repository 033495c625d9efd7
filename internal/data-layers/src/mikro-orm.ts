import { pgTransactions } from "@acme/domain-events/pg";
import { EntitySchema, MikroORM, type SqlEntityManager } from "@mikro-orm/postgresql";
import { kyselyTransaction } from "./kysely-transaction.ts";
import type { Layer } from "./layer.ts";

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
  async connect(url) {
    const orm = await MikroORM.init({ clientUrl: url, entities: [row], pool: { max: 1 } });
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
      end: () => orm.close(),
    };
  },
  insert: (tx, id) => tx.persist(tx.create(row, { id })),
  send: (tx, text) => tx.getConnection().execute(text, [], "run", tx.getTransactionContext()),
};
