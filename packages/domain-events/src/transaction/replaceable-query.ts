import type { KnexConnection } from "./knex-connection.ts";

/** The `query` method of a connection, which can be replaced and restored. */
export class ReplaceableQuery {
  /** Calls the `query` that was there first. */
  readonly send: KnexConnection["query"];
  readonly #connection: KnexConnection;
  /** The own `query` property of the connection, if other code (such as an instrumentation) has set one. */
  readonly #own: PropertyDescriptor | undefined;

  constructor(connection: KnexConnection) {
    this.#connection = connection;
    this.#own = Object.getOwnPropertyDescriptor(connection, "query");
    this.send = connection.query.bind(connection);
  }

  /** Calls the first `query` with the arguments that knex has used. */
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
