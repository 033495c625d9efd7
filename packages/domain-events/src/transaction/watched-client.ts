import type { EventEmitter } from "node:events";
import { CallerListeners } from "./caller-listeners.ts";
import type { PgClient } from "./pg-client.ts";
import type { TransactionWatch } from "./transaction-adapter.ts";
import { unitEnded } from "../unit-errors.ts";
import { watchedQuery } from "./watched-query.ts";

interface WatchedParts {
  readonly watch: TransactionWatch;
  /** Sends without telling the watch. */
  readonly send: (...args: unknown[]) => unknown;
  readonly isOpen: () => boolean;
}

/**
 * The client as the work sees it. It tells the watch of each statement, and refuses statements once the transaction is
 * over.
 */
export function watchedClient(client: PgClient, parts: WatchedParts): PgClient {
  const handler = new WatchedClient(parts);
  handler.handle = new Proxy(client, handler);
  return handler.handle;
}

class WatchedClient implements ProxyHandler<PgClient & object> {
  readonly #watch: TransactionWatch;
  readonly #send: (...args: unknown[]) => unknown;
  readonly #isOpen: () => boolean;
  handle: PgClient | undefined;
  #own: Map<PropertyKey, unknown> | undefined;
  #listeners: CallerListeners | undefined;

  constructor({ watch, send, isOpen }: WatchedParts) {
    this.#watch = watch;
    this.#send = send;
    this.#isOpen = isOpen;
  }

  /** A property that is set on the handle stays on the handle, because the client goes back to the pool. */
  set(_client: PgClient, ...[property, value, receiver]: [PropertyKey, unknown, object]): boolean {
    if (receiver !== this.handle) {
      // The receiver is an object that was derived from the handle.
      return Reflect.defineProperty(receiver, property, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    this.#own ??= new Map();
    this.#own.set(property, value);
    return true;
  }

  deleteProperty(_client: PgClient, property: PropertyKey): boolean {
    this.#own?.delete(property);
    return true;
  }

  has(client: PgClient, property: PropertyKey): boolean {
    return this.#own?.has(property) === true || Reflect.has(client, property);
  }

  defineProperty(_client: PgClient, property: PropertyKey, { value }: PropertyDescriptor): boolean {
    this.#own ??= new Map();
    this.#own.set(property, value);
    return true;
  }

  /** Spies of test runners look a method up in this way before they replace it. */
  getOwnPropertyDescriptor(client: PgClient, property: PropertyKey): PropertyDescriptor | undefined {
    if (!this.#own?.has(property) && property !== "query") return Reflect.getOwnPropertyDescriptor(client, property);
    return { value: this.get(client, property), writable: true, configurable: true };
  }

  get(client: PgClient, property: PropertyKey): unknown {
    if (this.#own?.has(property)) return this.#own.get(property);
    if (property === "query") return (...args: unknown[]) => this.#query(args);
    // Releasing or closing the client would end the transaction.
    if (property === "release" || property === "end") return () => this.#watch.sending("rollback");
    const value: unknown = Reflect.get(client, property, client);
    // A function that is an own property may be a class. If it is called as a method, it is called on the handle.
    if (typeof value !== "function" || Object.hasOwn(client, property)) return value;
    return (...args: unknown[]): unknown => {
      this.#listeners ??= new CallerListeners();
      const answer = this.#listeners.call(client as unknown as EventEmitter, property, args);
      // `client.on(…)` returns the client. A call chained to it has to go to the handle, too.
      return answer === client ? this.handle : answer;
    };
  }

  #query(args: unknown[]): unknown {
    const watch = this.#isOpen() ? this.#watch : refusing;
    return watchedQuery(this.#send, args, watch);
  }
}

/**
 * Refuses a statement in the style in which it was sent. If a callback was given, a rejected promise would have no
 * handler and would end the process.
 */
const refusing: TransactionWatch = {
  sending() {
    throw unitEnded("A statement was sent", "committed");
  },
  answered: ignore,
  failed: ignore,
  noticed: ignore,
};

function ignore(): void {}
