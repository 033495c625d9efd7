import { DomainEventsError } from "./errors.ts";
import { mapTransactions, type TransactionMapping } from "./transaction/map-transactions.ts";
import type { PgClient, PgPool } from "./transaction/pg-client.ts";
import { pgTransactionOn } from "./transaction/pg-transaction.ts";
import { type BeginningConnection, checkBeforeBegin, sendBegin } from "./transaction/send-begin.ts";
import type { BeginOptions, Transaction, TransactionAdapter } from "./transaction/transaction-adapter.ts";

export type { TransactionMapping } from "./transaction/map-transactions.ts";
export type { PgClient, PgPool } from "./transaction/pg-client.ts";

/** The type that the pool's `connect()` resolves with, so that `tx` is the real `pg.PoolClient` of the application. */
export type ClientOf<Pool> = Pool extends {
  connect: { (): Promise<infer Client>; (callback: (...args: never[]) => void): void };
}
  ? Client
  : Pool extends { connect: () => Promise<infer Client> }
    ? Client
    : never;

/**
 * Units of work over a `pg.Pool`. In the work `tx` is the pool's client. It refuses statements that would end the
 * transaction, and every statement once the transaction has ended.
 *
 * A backend that ends does not end the process: each new client of the pool gets a listener for its errors, also the
 * clients that other code checks out. Queries on such a client reject all the same.
 *
 * @throws {@link DomainEventsError} `ADAPTER_INVALID` if the argument is not a pool.
 *
 * @example
 * const unitOfWork = createUnitOfWork(pgTransactions(new pg.Pool({ connectionString })));
 */
export function pgTransactions<Pool extends PgPool>(pool: Pool): TransactionAdapter<ClientOf<Pool>>;
/**
 * Units of work over a `pg.Pool` with the transaction of a query builder or an ORM as `tx`. `mapping.tx` makes it of
 * the client, so everything holds that holds for the client itself. A run that joins a unit of another adapter over the
 * same pool gets the `tx` of its own adapter, in the same transaction.
 *
 * @throws {@link DomainEventsError} `ADAPTER_INVALID` if the first argument is not a pool, or `tx` is not a function.
 *
 * @example
 * import { drizzle } from "drizzle-orm/node-postgres";
 * const adapter = pgTransactions(pool, { tx: (client) => drizzle(client) });
 * const unitOfWork = createUnitOfWork(adapter, { bus: createEventBus() });
 */
export function pgTransactions<Pool extends PgPool, Tx>(
  pool: Pool,
  mapping: TransactionMapping<ClientOf<Pool>, Tx>,
): TransactionAdapter<Tx>;
export function pgTransactions<Pool extends PgPool>(
  pool: Pool,
  mapping?: TransactionMapping<ClientOf<Pool>, unknown>,
): TransactionAdapter<unknown> {
  // A pg.Client has `connect`, too; only a client has `processID`.
  if (typeof pool?.connect !== "function" || "processID" in pool) {
    throw new DomainEventsError(
      "ADAPTER_INVALID",
      "pgTransactions() takes a pg.Pool: pgTransactions(new pg.Pool({ … })).",
    );
  }
  if (mapping !== undefined && typeof mapping?.tx !== "function") {
    throw new DomainEventsError(
      "ADAPTER_INVALID",
      "The second argument of pgTransactions() is an object with a function `tx`: pgTransactions(pool, { tx: (client) => drizzle(client) }).",
    );
  }
  guardNewClients(pool);
  const adapter = clientTransactions(pool);
  return mapping ? mapTransactions(adapter, mapping) : adapter;
}

function clientTransactions<Pool extends PgPool>(pool: Pool): TransactionAdapter<ClientOf<Pool>> {
  return {
    database: pool,
    async begin(options) {
      const client = await checkOut(pool, options.signal);
      return beginOn<ClientOf<Pool>>(client, options);
    },
    // The `tx` of this adapter is the client itself, so it can be used as it is.
    adopt: (handle) => (isClient(handle) ? (handle as ClientOf<Pool>) : undefined),
  };
}

async function checkOut(pool: PgPool, signal: AbortSignal | undefined): Promise<PgClient> {
  const client = await pool.connect();
  try {
    await checkBeforeBegin(client, signal);
    return client;
  } catch (error) {
    client.release();
    throw error;
  }
}

async function beginOn<Tx>(client: PgClient, options: BeginOptions): Promise<Transaction<Tx>> {
  const transaction = pgTransactionOn<Tx>(client, options.watch);
  const connection: BeginningConnection = {
    send: (text) => transaction.query(text),
    giveUp: () => void client.end?.().catch(ignore),
  };
  try {
    await sendBegin(connection, options);
    return transaction;
  } catch (error) {
    await transaction.rollback(error);
    throw error;
  }
}

const guarded = new WeakSet<object>();

/**
 * pg-pool takes its own error listener off a new client a moment before `connect()` resolves. If the backend ends in
 * that moment (the server sends "ready" and "terminated" in one packet), the error would end the process.
 */
function guardNewClients(pool: PgPool & { on?: unknown }): void {
  if (guarded.has(pool) || typeof pool.on !== "function") return;
  guarded.add(pool);
  Reflect.apply(pool.on, pool, ["connect", (client: PgClient) => client.on("error", ignore)]);
}

function isClient(handle: unknown): boolean {
  return typeof handle === "object" && handle !== null && "query" in handle && "release" in handle;
}

function ignore(): void {}
