import { DomainEventsError } from "./errors.ts";
import { holdConnection } from "./transaction/connection-events.ts";
import { discard, type KnexConnection, markDisposed, markUsable } from "./transaction/knex-connection.ts";
import { type KnexTransaction, knexTransactionOn } from "./transaction/knex-transaction.ts";
import { checkBeforeBegin, sendBegin } from "./transaction/send-begin.ts";
import type { BeginOptions, Isolation, TransactionAdapter } from "./transaction/transaction-adapter.ts";

/** The part of a knex instance that the adapter needs. Every `Knex` has it. */
export interface KnexInstance<Tx> {
  /**
   * Never called. `Tx` is inferred from it, because it has only one signature.
   *
   * @throws Nothing, as it is never called.
   */
  transactionProvider(): () => Promise<Tx>;
}

/** What `knex.transaction()` returns before it has begun. */
interface BeginningTransaction extends PromiseLike<unknown> {
  begin?(connection: KnexConnection): Promise<unknown>;
  query?(connection: KnexConnection, text: string): Promise<unknown>;
  isCompleted?(): boolean;
}

interface Database {
  readonly client: {
    readonly dialect?: unknown;
    readonly driverName?: unknown;
    /** The pool, if the application gave one to knex. */
    readonly config?: { readonly connectionPool?: object };
  };
  readonly isTransaction?: unknown;
  transaction(scope: (tx: KnexTransaction) => void, config: { isolationLevel?: Isolation }): BeginningTransaction;
}

/**
 * Units of work over a knex instance for PostgreSQL. In the work `tx` is a `Knex.Transaction`. Its `commit` and
 * `rollback` are refused, since only the unit of work ends the transaction.
 *
 * @throws {@link DomainEventsError} `ADAPTER_INVALID` if the argument is not a knex instance with the `pg` client.
 *
 * @example
 * const unitOfWork = createUnitOfWork(knexTransactions(knex({ client: "pg", connection })));
 */
export function knexTransactions<Tx>(knex: KnexInstance<Tx>): TransactionAdapter<Tx> {
  const database = checkKnex(knex);
  return {
    database: database.client.config?.connectionPool ?? database,
    begin: (options) =>
      new Promise((resolve, reject) => {
        const { isolation } = options;
        // If the scope returns nothing, knex leaves commit and rollback to us. The promise that transaction() returns
        // settles once the connection is back in the pool; executionPromise settles before that.
        const beginning = database.transaction(
          (tx) => {
            // Knex calls this function even if its BEGIN has failed. `released` then rejects.
            if (tx.isCompleted?.() === true) return;
            const mark = isBegunHere ? undefined : options.mark;
            knexTransactionOn<Tx>(tx, released, { mark, watch: options.watch }).then(resolve, reject);
          },
          isolation ? { isolationLevel: isolation } : {},
        );
        const isBegunHere = beginHere(beginning, options);
        const released = Promise.resolve(beginning);
        released.catch(reject);
      }),
    // The `tx` of this adapter is the knex transaction itself, so it can be used as it is.
    adopt: (handle) => (isKnexTransaction(handle) ? (handle as Tx) : undefined),
  };
}

/**
 * Replaces the `begin` that knex calls a moment later. A version of knex without `begin` sends BEGIN by itself; the
 * mark is then sent in a message of its own.
 */
function beginHere(transaction: BeginningTransaction, options: BeginOptions): boolean {
  if (typeof transaction.begin !== "function" || typeof transaction.query !== "function") return false;
  const { signal, watch } = options;
  transaction.begin = async (connection) => {
    await checkBeforeBegin(connection, signal);
    const send = async (text: string): Promise<void> => {
      // An older pg does not know whether a transaction is open already. Then the server's warning about BEGIN shows
      // it.
      holdConnection(connection, { lost() {}, noticed: (notice) => watch?.noticed(notice) });
      // If BEGIN gets no answer, or fails half-way, the pool must not hand out this connection again.
      markDisposed(connection, "BEGIN was not answered");
      await transaction.query?.(connection, text);
      if (transaction.isCompleted?.() !== true) return markUsable(connection);
      discard(connection, "BEGIN failed");
      // Knex has already rejected with the reason, and must not go on.
      throw new Error("BEGIN failed");
    };
    await sendBegin({ send, giveUp: (reason) => discard(connection, reason) }, options);
  };
  return true;
}

function isKnexTransaction(handle: unknown): boolean {
  return typeof handle === "function" && "isTransaction" in handle && handle.isTransaction === true;
}

function checkKnex(knex: unknown): Database {
  const isKnex = typeof knex === "function" && "client" in knex && "transaction" in knex;
  const database = knex as Database;
  if (isKnex && database.isTransaction === true) {
    throw adapterInvalid("It was given a transaction, which other code has begun and will end.");
  }
  // The dialect alone is not enough: other clients of it speak to other databases, or pass on less of the server's
  // answer.
  if (isKnex && database.client?.dialect === "postgresql" && database.client.driverName === "pg") return database;
  throw adapterInvalid("It was given something else.");
}

function adapterInvalid(reason: string): DomainEventsError {
  return new DomainEventsError(
    "ADAPTER_INVALID",
    `knexTransactions() takes a knex instance for PostgreSQL: knexTransactions(knex({ client: "pg", connection })). ${reason}`,
  );
}
