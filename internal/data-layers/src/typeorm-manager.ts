import type { PoolClient } from "pg";
import type { DataSource, EntityManager } from "typeorm";

/** An entity manager on a client that is in a transaction already. Two of the fields are protected ones of TypeORM. */
export function typeormManager(dataSource: DataSource, client: PoolClient): EntityManager {
  const runner = dataSource.createQueryRunner();
  Object.assign(runner, { databaseConnection: client, isTransactionActive: true, transactionDepth: 1 });
  return runner.manager;
}
