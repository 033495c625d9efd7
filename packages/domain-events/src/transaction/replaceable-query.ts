import type { KnexConnection } from "./knex-connection.ts";

/** The `query` of a connection, in front of which others may be put. */
export class ReplaceableQuery {
  /** By what was there first. */
  readonly send: KnexConnection["query"];
  readonly #connection: KnexConnection;
  /** The driver's own, below what the work is watched through; an instrumented one has been put there by others. */
  readonly #own: PropertyDescriptor | undefined;

  constructor(connection: KnexConnection) {
    this.#connection = connection;
    this.#own = Object.getOwnPropertyDescriptor(connection, "query");
    this.send = connection.query.bind(connection);
  }

  /** Sends what knex has called `query` with. */
  sendAll(args: readonly unknown[]): unknown {
    return Reflect.apply(this.send, undefined, args);
  }

  replaceBy(query: (...args: unknown[]) => unknown): void {
    Object.defineProperty(this.#connection, "query", { value: query, configurable: true, writable: true });
  }

  restore(): void {
    if (this.#own) Object.defineProperty(this.#connection, "query", this.#own);
    else Reflect.deleteProperty(this.#connection, "query");
  }
}
