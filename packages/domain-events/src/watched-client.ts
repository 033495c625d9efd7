import type { EventEmitter } from "node:events";
import { CallerListeners } from "./caller-listeners.ts";
import type { PgClient } from "./pg-client.ts";
import type { TransactionWatch } from "./transaction-adapter.ts";
import { unitEnded } from "./unit-errors.ts";
import { watchedQuery } from "./watched-query.ts";

/** The client as the work sees it: it tells the watch of each statement, and refuses every one once the transaction is over. */
export function watchedClient(client: PgClient, watch: TransactionWatch, isOpen: () => boolean): PgClient {
  return new Proxy(client, new WatchedClient(watch, isOpen));
}

class WatchedClient implements ProxyHandler<PgClient & object> {
  readonly #watch: TransactionWatch;
  readonly #isOpen: () => boolean;
  #own: Map<PropertyKey, unknown> | undefined;
  #listeners: CallerListeners | undefined;

  constructor(watch: TransactionWatch, isOpen: () => boolean) {
    this.#watch = watch;
    this.#isOpen = isOpen;
  }

  /** What is set on the handle stays with the handle: the client goes back to the pool. */
  set(_client: PgClient, property: PropertyKey, value: unknown): boolean {
    this.#own ??= new Map();
    this.#own.set(property, value);
    return true;
  }

  defineProperty(_client: PgClient, property: PropertyKey, { value }: PropertyDescriptor): boolean {
    this.#own ??= new Map();
    this.#own.set(property, value);
    return true;
  }

  /** For those who look a method up to replace it, as spies of test runners do. */
  getOwnPropertyDescriptor(client: PgClient, property: PropertyKey): PropertyDescriptor | undefined {
    if (!this.#own?.has(property) && property !== "query") return Reflect.getOwnPropertyDescriptor(client, property);
    return { value: this.get(client, property, undefined), writable: true, configurable: true };
  }

  get(client: PgClient, property: PropertyKey, handle: unknown): unknown {
    if (this.#own?.has(property)) return this.#own.get(property);
    if (property === "query") return (...args: unknown[]) => this.#query(client, args);
    // To give the client away is to end the transaction.
    if (property === "release" || property === "end") return () => this.#watch.sending("rollback");
    const value: unknown = Reflect.get(client, property, handle);
    // What an application has added to its clients is called on the handle, so that it sends by that, too.
    if (typeof value !== "function" || !isOfDriver(client, property)) return value;
    return (...args: unknown[]): unknown => {
      this.#listeners ??= new CallerListeners(handle);
      const answer = this.#listeners.call(client as unknown as EventEmitter, property, args);
      // What is chained to on() is for the work as well.
      return answer === client ? handle : answer;
    };
  }

  #query(client: PgClient, args: unknown[]): unknown {
    const watch = this.#isOpen() ? this.#watch : refusing;
    return watchedQuery((...sent) => Reflect.apply(client.query, client, sent) as unknown, args, watch);
  }
}

/** Whether it is a method of pg's own class or of Node's, and not of a class derived from it or of this very client. */
function isOfDriver(client: PgClient, property: PropertyKey): boolean {
  let isBelow = false;
  for (let proto = prototypeOf(client); proto; proto = prototypeOf(proto)) {
    // A derived class may have a query() of its own.
    isBelow ||= Object.hasOwn(proto, "query") && !("query" in (prototypeOf(proto) ?? {}));
    if (Object.hasOwn(proto, property)) return isBelow && !Object.hasOwn(client, property);
  }
  return false;
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
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

function ignore(): void {}
