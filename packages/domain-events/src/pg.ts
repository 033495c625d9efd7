import { isConnectionError } from "./database-error.ts";
import { DomainEventsError, TransactionAbortedError } from "./errors.ts";
import { OwnedTransaction } from "./owned-transaction.ts";
import { type PipeliningClient, sendTogether } from "./pipeline.ts";
import type { Isolation, Transaction, TransactionAdapter } from "./transaction-adapter.ts";
import { rollbackTimeoutMs, within } from "./within.ts";

/** The part of a pg client that is needed; a `pg.PoolClient` is one. */
export interface PgClient extends PipeliningClient {
  query(text: string, values?: unknown[]): Promise<PgResult>;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "notice", listener: (notice: object) => void): unknown;
  off(event: "error" | "notice", listener: (happened: Error) => void): unknown;
  release(error?: Error | boolean): void;
}

interface PgResult {
  readonly command: string;
  readonly rows: Record<string, unknown>[];
}

/** The part of a pool that is needed; a `pg.Pool` is one. */
export interface PgPool {
  connect(): Promise<PgClient>;
}

/** What the pool's `connect()` resolves with, so that `tx` is the real `pg.PoolClient` of the application. */
export type ClientOf<Pool> = Pool extends {
  connect: { (): Promise<infer Client>; (callback: (...args: never[]) => void): void };
}
  ? Client
  : Pool extends { connect: () => Promise<infer Client> }
    ? Client
    : never;

/**
 * Units of work over a `pg.Pool`. In the work `tx` is the pool's client, which refuses statements that would end the
 * transaction, and any statement once that has ended.
 *
 * @throws {@link DomainEventsError} `ADAPTER_INVALID` when it is not given a pool.
 *
 * @example
 * const unitOfWork = createUnitOfWork(pgTransactions(new pg.Pool({ connectionString })));
 */
export function pgTransactions<Pool extends PgPool>(pool: Pool): TransactionAdapter<ClientOf<Pool>> {
  if (typeof pool?.connect !== "function") {
    throw new DomainEventsError(
      "ADAPTER_INVALID",
      "pgTransactions() takes a pg.Pool: pgTransactions(new pg.Pool({ … })).",
    );
  }
  guardNewClients(pool);
  return {
    database: pool,
    async begin({ isolation }) {
      const client = await pool.connect();
      const transaction = transactionOn<ClientOf<Pool>>(client);
      try {
        await client.query(beginStatement(isolation));
      } catch (error) {
        await transaction.rollback(error);
        throw error;
      }
      return transaction;
    },
    async transactionStatus(transactionId, { timeoutMs }) {
      const client = await pool.connect();
      client.on("error", ignore);
      try {
        const question = client.query("select pg_xact_status($1::xid8) as status", [transactionId]);
        const { rows } = await within(timeoutMs, question);
        client.release();
        return rows[0]?.["status"] as string | null;
      } catch (error) {
        client.release(error as Error);
        throw error;
      } finally {
        client.off("error", ignore);
      }
    },
  };
}

const guarded = new WeakSet<object>();

/**
 * pg-pool takes its own listener off a new client a moment before `connect()` resolves. A backend that ends in that moment
 * (the server says "ready" and "terminated" in one packet) would end the process.
 */
function guardNewClients(pool: PgPool & { on?: unknown }): void {
  if (guarded.has(pool) || typeof pool.on !== "function") return;
  guarded.add(pool);
  Reflect.apply(pool.on, pool, ["connect", (client: PgClient) => client.on("error", ignore)]);
}

function transactionOn<Tx>(client: PgClient): Transaction<Tx> {
  const owned = new OwnedTransaction();
  let lost: Error | undefined;
  // Without a listener, a backend that is killed between two statements would end the process.
  const onError = (error: Error): void => {
    lost ??= error;
  };
  const onNotice = (notice: object): void => owned.observeNotice(notice);
  client.on("error", onError);
  client.on("notice", onNotice);

  function release(error?: unknown): void {
    owned.close();
    client.release(error === undefined ? undefined : error instanceof Error ? error : true);
    client.off("error", onError);
    client.off("notice", onNotice);
  }

  function sendCommit(): Promise<PgResult> {
    owned.close();
    return client.query("commit");
  }

  async function tagOf(committed: Promise<PgResult>): Promise<string> {
    const { command } = await committed.catch((error: unknown) => {
      release(lost ?? (isConnectionError(error) ? error : undefined));
      throw error;
    });
    release();
    if (owned.violation) throw owned.violation;
    return command;
  }

  async function rollback(): Promise<void> {
    owned.close();
    try {
      await within(rollbackTimeoutMs, client.query("rollback"));
      release();
    } catch (error) {
      release(error);
    }
  }

  return {
    tx: new Proxy(client, new GuardedClient(owned)) as Tx,
    async query(text, values) {
      owned.checkOpen();
      return client.query(text, values && [...values]);
    },
    async commit() {
      const refusal = owned.violation ?? (lost && TransactionAbortedError.lost(lost));
      if (refusal) {
        await rollback();
        throw refusal;
      }
      return tagOf(sendCommit());
    },
    pipelineCommit(text) {
      if (owned.violation || lost || !owned.hasJustAnswered) return undefined;
      const sent = sendTogether(client, () => client.query(text), sendCommit);
      return sent && { answer: sent[0], tag: tagOf(sent[1]) };
    },
    rollback,
  };
}

/** The client as the work sees it. */
class GuardedClient implements ProxyHandler<PgClient & object> {
  readonly #owned: OwnedTransaction;

  constructor(owned: OwnedTransaction) {
    this.#owned = owned;
  }

  get(client: PgClient, property: PropertyKey): unknown {
    if (property === "query") return (...args: unknown[]) => guardedQuery(client, this.#owned, args);
    if (property === "release" || property === "end") return () => this.#refuse();
    const value: unknown = Reflect.get(client, property, client);
    return typeof value === "function" ? value.bind(client) : value;
  }

  #refuse(): never {
    throw this.#owned.refuse();
  }
}

function guardedQuery(client: PgClient, owned: OwnedTransaction, args: unknown[]): unknown {
  const [statement] = args;
  const text = typeof statement === "object" && statement !== null && "text" in statement ? statement.text : statement;
  owned.check(text);
  const answer: unknown = Reflect.apply(client.query, client, args);
  return answer instanceof Promise
    ? answer.then((results: unknown) => {
        owned.observe(results);
        return results;
      })
    : answer;
}

function beginStatement(isolation: Isolation | undefined): string {
  return isolation ? `begin isolation level ${isolation}` : "begin";
}

function ignore(): void {}
