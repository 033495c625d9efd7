import { isConnectionError } from "./database-error.ts";
import { DomainEventsError, TransactionAbortedError } from "./errors.ts";
import { OwnedTransaction } from "./owned-transaction.ts";
import { type PipeliningClient, sendTogether } from "./pipeline.ts";
import type { Isolation, Transaction, TransactionAdapter } from "./transaction-adapter.ts";
import { rollbackTimeoutMs, within } from "./within.ts";

/** The part of a knex instance that is needed; `Knex` is one. */
export interface KnexInstance<Tx> {
  /** Single-signature, so that `Tx` is inferred from it; never called. */
  transactionProvider(): () => Promise<Tx>;
}

/** The part of a knex transaction that is needed, and what knex keeps behind it. */
interface KnexTransaction {
  commit(value?: unknown): PromiseLike<unknown>;
  rollback(error?: unknown): PromiseLike<unknown>;
  on(event: "query", listener: (query: { readonly sql?: unknown }) => void): unknown;
  on(event: "query-error", listener: (error: unknown) => void): unknown;
  on(event: "query-response", listener: (response: unknown, query: { readonly response?: unknown }) => void): unknown;
  readonly client: { acquireConnection(): Promise<RawConnection> };
}

/** The pg client that carries the transaction. */
interface RawConnection extends PipeliningClient {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: Record<string, unknown>[] }>;
  end(): Promise<void>;
  on(event: "error" | "notice", listener: (happened: Error) => void): unknown;
  off(event: "error" | "notice", listener: (happened: Error) => void): unknown;
  /** Knex's own mark: its pool throws such a connection away instead of handing it out again. */
  __knex__disposed?: unknown;
}

interface Database {
  readonly client: { readonly dialect?: unknown };
  transaction(scope: (tx: KnexTransaction) => void, config: { isolationLevel?: Isolation }): PromiseLike<unknown>;
  raw(
    text: string,
    values: readonly unknown[],
  ): {
    timeout(timeoutMs: number): PromiseLike<{ readonly rows: Record<string, unknown>[] }>;
  };
}

/**
 * Units of work over a knex instance for PostgreSQL. In the work `tx` is a `Knex.Transaction`; its `commit` and
 * `rollback` are refused, since the unit of work does that.
 *
 * @throws {@link DomainEventsError} `ADAPTER_INVALID` when it is not given a knex instance for PostgreSQL.
 *
 * @example
 * const unitOfWork = createUnitOfWork(knexTransactions(knex({ client: "pg", connection })));
 */
export function knexTransactions<Tx>(knex: KnexInstance<Tx>): TransactionAdapter<Tx> {
  const database = checkKnex(knex);
  return {
    database,
    begin: ({ isolation }) =>
      new Promise((resolve, reject) => {
        // A scope that returns nothing leaves commit and rollback to us, and what transaction() returns settles once
        // the connection is back in the pool; executionPromise settles before that.
        const released = Promise.resolve(
          database.transaction(
            (tx) => {
              transactionOn<Tx>(tx, released).then(resolve, reject);
            },
            isolation ? { isolationLevel: isolation } : {},
          ),
        );
        released.catch(reject);
      }),
    async transactionStatus(transactionId, { timeoutMs }) {
      const question = database.raw("select pg_xact_status(?::xid8) as status", [transactionId]);
      const { rows } = await question.timeout(timeoutMs);
      return rows[0]?.["status"] as string | null;
    },
  };
}

async function transactionOn<Tx>(trx: KnexTransaction, released: Promise<unknown>): Promise<Transaction<Tx>> {
  const connection = await trx.client.acquireConnection();
  const owned = new OwnedTransaction();
  const knexCommit = trx.commit;
  const knexRollback = trx.rollback;
  let lost: unknown;

  const onError = (error: Error): void => {
    lost ??= error;
  };
  const onNotice = (notice: unknown): void => owned.observeNotice(notice);
  connection.on("error", onError);
  connection.on("notice", onNotice);
  const onReleased = (): void => {
    owned.close();
    connection.off("error", onError);
    connection.off("notice", onNotice);
  };
  released.then(onReleased, onReleased);

  // Knex emits "query" before it sends one, and takes what a listener throws for the query's own failure. Once the
  // transaction is closed only our COMMIT or ROLLBACK gets here: knex refuses the rest itself.
  trx.on("query", ({ sql }) => {
    if (!owned.isClosed) owned.check(sql);
  });
  // Before knex gives the connection back: after that, somebody else may have it.
  trx.on("query-error", (error) => {
    if (owned.isClosed && isConnectionError(error)) discard(connection, error);
  });
  trx.on("query-response", (_response, query) => owned.observe(query.response));
  trx.commit = trx.rollback = () => {
    throw owned.refuse();
  };

  function sendCommit(): PromiseLike<unknown> {
    owned.close();
    return knexCommit();
  }

  async function tagOf(committed: PromiseLike<unknown>): Promise<string> {
    // When COMMIT fails, this resolves all the same; only what stands behind `released` rejects.
    const answer = await committed;
    await released;
    if (owned.violation) throw owned.violation;
    const { response } = answer as { response?: { command?: unknown } };
    return String(response?.command);
  }

  async function rollback(reason: unknown): Promise<void> {
    owned.close();
    const ended = released.catch(() => {});
    void Promise.resolve(knexRollback(reason)).catch(() => {});
    await within(rollbackTimeoutMs, ended).catch((error: unknown) => discard(connection, error));
    await ended;
  }

  return {
    tx: trx as Tx,
    async query(text, values) {
      owned.checkOpen();
      return connection.query(text, values && [...values]);
    },
    async commit() {
      const refusal = owned.violation ?? (lost === undefined ? undefined : TransactionAbortedError.lost(lost));
      if (refusal) {
        await rollback(refusal);
        throw refusal;
      }
      return tagOf(sendCommit());
    },
    pipelineCommit(text) {
      if (owned.violation || lost !== undefined || !owned.hasJustAnswered) return undefined;
      const sent = sendTogether(connection, () => connection.query(text), sendCommit);
      return sent && { answer: sent[0], tag: tagOf(sent[1]) };
    },
    rollback,
  };
}

/** Closes a connection that no longer answers, and keeps the pool from handing it out again. */
function discard(connection: RawConnection, reason: unknown): void {
  // oxlint-disable-next-line no-underscore-dangle -- the name is knex's.
  connection.__knex__disposed ??= reason;
  connection.end().catch(() => {});
}

function checkKnex(knex: unknown): Database {
  const isKnex = typeof knex === "function" && "client" in knex && "transaction" in knex && "raw" in knex;
  const database = knex as Database;
  if (isKnex && database.client?.dialect === "postgresql") return database;
  throw new DomainEventsError(
    "ADAPTER_INVALID",
    'knexTransactions() takes a knex instance for PostgreSQL: knexTransactions(knex({ client: "pg", connection })).',
  );
}
