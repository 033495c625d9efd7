import { PrismaPg } from "@prisma/adapter-pg";
import { Pool, type PoolClient } from "pg";

/** What Prisma takes for a pool, and gives nothing but the one client. */
class OneClient extends Pool {
  constructor(client: PoolClient) {
    super();
    const connect = async () => client;
    const query = (...args: unknown[]): unknown => Reflect.apply(client.query, client, args);
    Object.assign(this, { connect, query });
  }
}

/** The driver adapter of a Prisma client on a client of pg that is in a transaction already. */
export class PrismaInTransaction extends PrismaPg {
  readonly #client: PoolClient;
  #savepointCount = 0;

  constructor(client: PoolClient) {
    super(new OneClient(client));
    this.#client = client;
  }

  override async connect(): ReturnType<PrismaPg["connect"]> {
    const connected = await super.connect();
    // Transactions of Prisma's own are savepoints in this one. It sends no COMMIT if the query is a phantom.
    const startTransaction = async (): ReturnType<typeof connected.startTransaction> => {
      const name = `prisma_${(this.#savepointCount += 1)}`;
      const send = async (text: string): Promise<void> => void (await this.#client.query(text));
      await send(`savepoint ${name}`);
      return Object.assign(Object.create(connected) as Awaited<ReturnType<typeof connected.startTransaction>>, {
        options: { usePhantomQuery: true },
        commit: () => send(`release savepoint ${name}`),
        rollback: () => send(`rollback to savepoint ${name}; release savepoint ${name}`),
        createSavepoint: (inner: string) => send(`savepoint ${inner}`),
        rollbackToSavepoint: (inner: string) => send(`rollback to savepoint ${inner}`),
        releaseSavepoint: (inner: string) => send(`release savepoint ${inner}`),
      });
    };
    return Object.assign(connected, { startTransaction });
  }
}
