import type { Transaction, TransactionAdapter } from "./transaction-adapter.ts";

/** How another data layer is put on top of the clients of an adapter. */
export interface TransactionMapping<in Client, Tx> {
  /**
   * Makes what the work gets as `tx`. All of its statements have to go through that client: it is in a transaction, and
   * refuses what would end it. It is called once for each transaction.
   */
  readonly tx: (client: Client) => Promise<Tx> | Tx;
  /**
   * Sends what `tx` still keeps in memory, for example `(em) => em.flush()`. It is called when the work and each
   * `beforeCommit` handler has ended, and where a savepoint begins and ends. If it rejects, the unit or the savepoint is
   * rolled back.
   */
  readonly beforeCommit?: ((tx: Tx) => unknown) | undefined;
}

/** The same transactions with another `tx`. The statements of `tx` go through what the adapter below hands out. */
export function mapTransactions<Client, Tx>(
  adapter: TransactionAdapter<Client>,
  { tx: toTx, beforeCommit }: TransactionMapping<Client, Tx>,
): TransactionAdapter<Tx> {
  // An adapter on top of this one adopts through it, too, and has to get the `tx` that keeps the changes of the unit.
  const made = new WeakMap<object, Promise<Tx>>();
  const txOn = (client: Client): Promise<Tx> => {
    const key = client as object;
    const existing = made.get(key);
    if (existing) return existing;
    const making = Promise.resolve(toTx(client));
    made.set(key, making);
    making.catch(() => made.delete(key));
    return making;
  };
  return {
    database: adapter.database,
    async begin(options) {
      const transaction = await adapter.begin(options);
      // Without a watch there is no work, which would use it. A lost COMMIT is asked about in such a transaction.
      if (!options.watch) return transaction as Transaction<never>;
      try {
        return { ...transaction, tx: await txOn(transaction.tx) };
      } catch (error) {
        await transaction.rollback(error);
        throw error;
      }
    },
    async adopt(handle) {
      const client = await adapter.adopt?.(handle);
      return client === undefined ? undefined : txOn(client);
    },
    ...(beforeCommit && { beforeCommit: (tx) => beforeCommit(tx) }),
  };
}
