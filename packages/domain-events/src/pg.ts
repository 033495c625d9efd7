import { isAnswer } from "./database-error.ts";
import { DomainEventsError, TransactionAbortedError } from "./errors.ts";
import { expectNoAnswers, type PipeliningClient, sendTogether } from "./pipeline.ts";
import type { BeginOptions, Transaction, TransactionAdapter, TransactionWatch } from "./transaction-adapter.ts";
import { unitEnded } from "./unit-errors.ts";
import { watchedQuery } from "./watched-query.ts";
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
 * A backend that ends does not end the process: each new client of the pool gets a listener for its errors, also those that others check
 * out. Their queries reject all the same.
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
    async begin(options) {
      const client = await pool.connect();
      const transaction = transactionOn<ClientOf<Pool>>(client, options.watch);
      try {
        await client.query(beginText(options));
      } catch (error) {
        await transaction.rollback(error);
        throw error;
      }
      return transaction;
    },
    // Only transactions over this very pool get here, and the client is all of what they hand to a work.
    adopt: (handle) => handle as ClientOf<Pool>,
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

function transactionOn<Tx>(client: PgClient, watch: TransactionWatch | undefined): Transaction<Tx> {
  let lost: Error | undefined;
  let isOpen = true;
  let isReleased = false;
  // Without a listener, a backend that is killed between two statements would end the process.
  const onError = (error: Error): void => {
    lost ??= error;
  };
  const onNotice = (notice: object): void => watch?.noticed(notice);
  client.on("error", onError);
  client.on("notice", onNotice);

  function release(error?: unknown): void {
    isOpen = false;
    if (isReleased) return;
    isReleased = true;
    client.release(error === undefined ? undefined : error instanceof Error ? error : true);
    client.off("error", onError);
    client.off("notice", onNotice);
  }

  function sendCommit(): Promise<PgResult> {
    isOpen = false;
    return client.query("commit");
  }

  async function tagOf(committed: Promise<PgResult>): Promise<string> {
    const { command } = await committed.catch((error: unknown) => {
      // Without an answer the transaction may be open still, and whoever got the connection next would commit it.
      release(lost ?? (isAnswer(error) ? undefined : error));
      throw error;
    });
    release();
    return command;
  }

  async function rollback(): Promise<void> {
    isOpen = false;
    if (isReleased) return;
    try {
      await within(rollbackTimeoutMs, client.query("rollback"));
      release();
    } catch (error) {
      release(error);
    }
  }

  const handle = watch ? new Proxy(client, new WatchedClient(watch, () => isOpen)) : client;
  return {
    tx: handle as Tx,
    handle,
    connection: client,
    get isBusy() {
      return client.readyForQuery === false;
    },
    async query(text, values) {
      if (lost) throw TransactionAbortedError.lost(lost);
      if (!isOpen) throw unitEnded("A statement was sent", "committed");
      return client.query(text, values && [...values]);
    },
    async commit() {
      if (!lost) return tagOf(sendCommit());
      await rollback();
      throw TransactionAbortedError.lost(lost);
    },
    pipelineCommit(text) {
      if (lost) return undefined;
      const sent = sendTogether(client, () => client.query(text), sendCommit);
      return sent && { answer: sent[0], tag: tagOf(sent[1]) };
    },
    rollback,
    abandon(reason) {
      expectNoAnswers(client);
      release(reason);
    },
  };
}

/** The client as the work sees it. */
class WatchedClient implements ProxyHandler<PgClient & object> {
  readonly #watch: TransactionWatch;
  readonly #isOpen: () => boolean;
  readonly #own = new Map<PropertyKey, unknown>();

  constructor(watch: TransactionWatch, isOpen: () => boolean) {
    this.#watch = watch;
    this.#isOpen = isOpen;
  }

  /** What is set on the handle stays with the handle: the client goes back to the pool. */
  set(_client: PgClient, property: PropertyKey, value: unknown): boolean {
    this.#own.set(property, value);
    return true;
  }

  defineProperty(_client: PgClient, property: PropertyKey, { value }: PropertyDescriptor): boolean {
    this.#own.set(property, value);
    return true;
  }

  get(client: PgClient, property: PropertyKey, handle: unknown): unknown {
    if (this.#own.has(property)) return this.#own.get(property);
    if (property === "query") return (...args: unknown[]) => this.#query(client, args);
    // To give the client away is to end the transaction.
    if (property === "release" || property === "end") return () => this.#watch.sending("rollback");
    const value: unknown = Reflect.get(client, property, client);
    if (typeof value !== "function") return value;
    return (...args: unknown[]): unknown => {
      const answer: unknown = Reflect.apply(value, client, args);
      // What is chained to on() is for the work as well.
      return answer === client ? handle : answer;
    };
  }

  #query(client: PgClient, args: unknown[]): unknown {
    const watch = this.#isOpen() ? this.#watch : refusing;
    return watchedQuery((...sent) => Reflect.apply(client.query, client, sent) as unknown, args, watch);
  }
}

/** In the style in which the statement was sent: a promise that somebody with a callback has never seen would end the process. */
const refusing: TransactionWatch = {
  sending() {
    throw unitEnded("A statement was sent", "committed");
  },
  answered: ignore,
  failed: ignore,
  noticed: ignore,
};

function beginText({ isolation, mark }: BeginOptions): string {
  const begin = isolation ? `begin isolation level ${isolation}` : "begin";
  return mark ? `${begin}; ${mark}` : begin;
}

function ignore(): void {}
