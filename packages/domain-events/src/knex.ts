import {
  type ConnectionHolder,
  holdConnection,
  letGo,
  type SpeakingConnection,
} from "./transaction/connection-events.ts";
import { isAnswer, isConnectionError } from "./transaction/database-error.ts";
import { DomainEventsError, TransactionAbortedError } from "./errors.ts";
import { onAbort } from "./on-abort.ts";
import { refuseOpenTransaction, type StatusConnection } from "./transaction/open-transaction.ts";
import { expectNoAnswers, type PipeliningClient, sendTogether } from "./transaction/pipeline.ts";
import type {
  BeginOptions,
  Isolation,
  Transaction,
  TransactionAdapter,
  TransactionWatch,
} from "./transaction/transaction-adapter.ts";
import { unitEnded } from "./unit-errors.ts";
import { watchedQuery } from "./transaction/watched-query.ts";
import { rollbackTimeoutMs, within } from "./timeout.ts";

/** The part of a knex instance that is needed; `Knex` is one. */
export interface KnexInstance<Tx> {
  /** Single-signature, so that `Tx` is inferred from it; never called. */
  transactionProvider(): () => Promise<Tx>;
}

/** The part of a knex transaction that is needed, and what knex keeps behind it. */
interface KnexTransaction {
  isCompleted?(): boolean;
  commit(value?: unknown): PromiseLike<unknown>;
  rollback(error?: unknown): PromiseLike<unknown>;
  on(event: "query-error", listener: (error: unknown) => void): unknown;
  readonly client: { acquireConnection(): Promise<RawConnection> };
}

/** The pg client that carries the transaction. */
interface RawConnection extends PipeliningClient, SpeakingConnection, StatusConnection {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: Record<string, unknown>[] }>;
  end(): Promise<void>;
  /** Knex's own mark: its pool throws such a connection away instead of handing it out again. */
  __knex__disposed?: unknown;
}

/** What `knex.transaction()` returns before it has begun. */
interface BeginningTransaction extends PromiseLike<unknown> {
  begin?(connection: RawConnection): Promise<unknown>;
  query?(connection: RawConnection, text: string): Promise<unknown>;
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
        const { isolation, mark } = options;
        // A scope that returns nothing leaves commit and rollback to us, and what transaction() returns settles once
        // the connection is back in the pool; executionPromise settles before that.
        const beginning = database.transaction(
          (tx) => {
            // Knex runs this although its BEGIN has failed, when `released` rejects.
            if (tx.isCompleted?.() === true) return;
            transactionOn<Tx>(tx, released, isBegunHere ? undefined : mark, options.watch).then(resolve, reject);
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
  const { signal, onConnection, watch } = options;
  if (typeof transaction.begin !== "function" || typeof transaction.query !== "function") return false;
  transaction.begin = async (connection) => {
    signal?.throwIfAborted();
    // Behind a statement that somebody has not awaited it takes as long as that. It is not ours to end.
    await refuseOpenTransaction(connection);
    signal?.throwIfAborted();
    const stopWaiting = signal && onAbort(signal, () => discard(connection, signal.reason));
    try {
      onConnection?.();
      // One of an older pg does not know; then BEGIN is answered with a warning.
      holdConnection(connection, { lost() {}, noticed: (notice) => watch?.noticed(notice) });
      // Where this is not answered, or refused half-way, nobody may get the connection as it is.
      markDisposed(connection, "BEGIN was not answered");
      await transaction.query?.(connection, beginText(options));
      if (transaction.isCompleted?.() !== true) return markUsable(connection);
      discard(connection, "BEGIN failed");
      // Knex has rejected with the reason; it must not go on.
      throw new Error("BEGIN failed");
    } finally {
      stopWaiting?.();
    }
  };
  return true;
}

function isKnexTransaction(handle: unknown): boolean {
  return typeof handle === "function" && "isTransaction" in handle && handle.isTransaction === true;
}

function beginText({ isolation, mark }: BeginOptions): string {
  const begin = isolation ? `begin isolation level ${isolation}` : "begin";
  return mark ? `${begin}; ${mark}` : begin;
}

async function transactionOn<Tx>(
  trx: KnexTransaction,
  released: Promise<unknown>,
  mark: string | undefined,
  watch: TransactionWatch | undefined,
): Promise<Transaction<Tx>> {
  const connection = await trx.client.acquireConnection();
  const knexCommit = trx.commit;
  const knexRollback = trx.rollback;
  // The driver's own, below what the work is watched through; an instrumented one has been put there by others.
  const unwatched = Object.getOwnPropertyDescriptor(connection, "query");
  const send = connection.query.bind(connection);
  let lost: unknown;
  let isOpen = true;
  let isEndSent = false;

  const holder: ConnectionHolder = {
    lost(error) {
      lost ??= error;
    },
    noticed: (notice) => watch?.noticed(notice),
  };
  holdConnection(connection, holder);
  const onReleased = (): void => {
    close();
    restore();
    letGo(connection, holder);
    // Nobody has sent COMMIT or ROLLBACK, or the answer is lost: the transaction ends with its connection, now.
    if (isDisposed(connection)) discard(connection, "COMMIT or ROLLBACK was not answered");
  };
  released.then(onReleased, onReleased);

  if (mark !== undefined) await send(mark);
  if (watch) {
    const query = (...args: unknown[]): unknown =>
      watchedQuery((...sent) => Reflect.apply(send, undefined, sent) as unknown, args, watch);
    Object.defineProperty(connection, "query", { value: query, configurable: true, writable: true });
    trx.commit = trx.rollback = () => {
      watch.sending("rollback");
      return Promise.resolve();
    };
  }
  // Before knex gives the connection back: after that, somebody else may have it.
  trx.on("query-error", (error) => {
    if (!isOpen && isConnectionError(error)) discard(connection, error);
  });

  function restore(): void {
    if (unwatched) Object.defineProperty(connection, "query", unwatched);
    else Reflect.deleteProperty(connection, "query");
  }

  /**
   * From now on only COMMIT or ROLLBACK is sent: knex refuses the rest itself. Until the server has answered that, the pool must not hand the
   * connection out again: with a transaction open in it, whoever got it next would commit that.
   */
  function close(): void {
    if (!isOpen) return;
    isOpen = false;
    restore();
    markDisposed(connection, "COMMIT or ROLLBACK was not answered");
    const query = (...args: unknown[]): unknown => {
      restore();
      isEndSent = true;
      const callback = args.at(-1) as (error: unknown, result: unknown) => unknown;
      const settle = (error: unknown, result: unknown): unknown => {
        if (!error || isAnswer(error)) markUsable(connection);
        return callback(error, result);
      };
      return Reflect.apply(send, undefined, [...args.slice(0, -1), settle]) as unknown;
    };
    Object.defineProperty(connection, "query", { value: query, configurable: true, writable: true });
  }

  function sendCommit(): PromiseLike<unknown> {
    close();
    return knexCommit();
  }

  async function tagOf(committed: PromiseLike<unknown>): Promise<string> {
    try {
      // When COMMIT fails, this resolves all the same; only what stands behind `released` rejects.
      const answer = await committed;
      await released;
      const { response } = answer as { response?: { command?: unknown } };
      return String(response?.command);
    } catch (error) {
      throw isEndSent ? error : TransactionAbortedError.notSent(error);
    }
  }

  async function rollback(reason: unknown): Promise<void> {
    close();
    const ended = released.catch(() => {});
    void Promise.resolve(knexRollback(reason)).catch(() => {});
    await within(rollbackTimeoutMs, ended).catch((error: unknown) => discard(connection, error));
    await ended;
  }

  return {
    tx: trx as Tx,
    handle: trx,
    connection,
    isBusy: () => connection.readyForQuery === false,
    async query(text, values) {
      if (lost !== undefined) throw TransactionAbortedError.lost(lost);
      if (!isOpen) throw unitEnded("A statement was sent", "committed");
      return send(text, values && [...values]);
    },
    async commit() {
      if (lost === undefined) return tagOf(sendCommit());
      const refusal = TransactionAbortedError.lost(lost);
      await rollback(refusal);
      throw refusal;
    },
    pipelineCommit(text) {
      if (lost !== undefined) return undefined;
      const sent = sendTogether(connection, () => send(text), sendCommit);
      return sent && { answer: sent[0], tag: tagOf(sent[1]) };
    },
    rollback,
    abandon: (reason) => discard(connection, reason),
  };
}

function markDisposed(connection: RawConnection, reason: unknown): void {
  // oxlint-disable-next-line no-underscore-dangle -- the name is knex's.
  connection.__knex__disposed ??= reason;
}

function markUsable(connection: RawConnection): void {
  // oxlint-disable-next-line no-underscore-dangle -- the name is knex's.
  connection.__knex__disposed = undefined;
}

function isDisposed(connection: RawConnection): boolean {
  // oxlint-disable-next-line no-underscore-dangle -- the name is knex's.
  return connection.__knex__disposed !== undefined;
}

/** Closes a connection that no longer answers, and keeps the pool from handing it out again. */
function discard(connection: RawConnection, reason: unknown): void {
  markDisposed(connection, reason);
  expectNoAnswers(connection);
  connection.end().catch(() => {});
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
