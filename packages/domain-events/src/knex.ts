import { DomainEventsError } from "./errors.ts";
import { holdConnection } from "./transaction/connection-events.ts";
import { discard, type KnexConnection, markDisposed, markUsable } from "./transaction/knex-connection.ts";
import { type KnexTransaction, knexTransactionOn } from "./transaction/knex-transaction.ts";
import { checkBeforeBegin, sendBegin } from "./transaction/send-begin.ts";
import type { BeginOptions, Isolation, TransactionAdapter } from "./transaction/transaction-adapter.ts";

/** The part of a knex instance that is needed; `Knex` is one. */
export interface KnexInstance<Tx> {
  /** Single-signature, so that `Tx` is inferred from it; never called. */
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
    /** Where knex uses a pool that it was given. */
    readonly config?: { readonly connectionPool?: object };
  };
  readonly isTransaction?: unknown;
  transaction(scope: (tx: KnexTransaction) => void, config: { isolationLevel?: Isolation }): BeginningTransaction;
}

/**
 * Units of work over a knex instance for PostgreSQL. In the work `tx` is a `Knex.Transaction`; its `commit` and
 * `rollback` are refused, since the unit of work does that.
 *
 * @throws {@link DomainEventsError} `ADAPTER_INVALID` when it is not given a knex instance with the `pg` client.
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
        // A scope that returns nothing leaves commit and rollback to us, and what transaction() returns settles once
        // the connection is back in the pool; executionPromise settles before that.
        const beginning = database.transaction(
          (tx) => {
            // Knex runs this although its BEGIN has failed, when `released` rejects.
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
    // The knex transaction is all of what one over this pool hands to a work.
    adopt: (handle) => (isKnexTransaction(handle) ? (handle as Tx) : undefined),
  };
}

/** Knex calls `begin` a moment later. One without it begins by itself, and gets the mark in a message of its own. */
function beginHere(transaction: BeginningTransaction, options: BeginOptions): boolean {
  if (typeof transaction.begin !== "function" || typeof transaction.query !== "function") return false;
  const { signal, watch } = options;
  transaction.begin = async (connection) => {
    await checkBeforeBegin(connection, signal);
    const send = async (text: string): Promise<void> => {
      // One of an older pg does not know; then BEGIN is answered with a warning.
      holdConnection(connection, { lost() {}, noticed: (notice) => watch?.noticed(notice) });
      // Where this is not answered, or refused half-way, nobody may get the connection as it is.
      markDisposed(connection, "BEGIN was not answered");
      await transaction.query?.(connection, text);
      if (transaction.isCompleted?.() !== true) return markUsable(connection);
      discard(connection, "BEGIN failed");
      // Knex has rejected with the reason; it must not go on.
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
    throw adapterInvalid("It was given a transaction, which somebody else has begun and will end.");
  }
  // By the driver: other clients of the same dialect speak to other databases, or say less of what the server answers.
  if (isKnex && database.client?.dialect === "postgresql" && database.client.driverName === "pg") return database;
  throw adapterInvalid("It was given something else.");
}

function adapterInvalid(reason: string): DomainEventsError {
  return new DomainEventsError(
    "ADAPTER_INVALID",
    `knexTransactions() takes a knex instance for PostgreSQL: knexTransactions(knex({ client: "pg", connection })). ${reason}`,
  );
}
