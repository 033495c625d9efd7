import type { TransactionWatch } from "./transaction-adapter.ts";
import { watchedQuery } from "./watched-query.ts";

type Query = (...args: unknown[]) => unknown;

/** The part of a pg client that sends statements. */
export interface SendingClient {
  query(...args: never[]): unknown;
}

/** A `query` method of ours, which calls the `query` that was there when ours was made. */
interface Watched {
  readonly send: Query;
  watch: TransactionWatch | undefined;
}

const ours = new WeakMap<Query, Watched>();

/** `send` sends a statement that the watch is not told of; `end` ends the watch. */
export interface QueryWatch {
  readonly send: Query;
  end(): void;
}

/**
 * Until it ends, the watch is told of every statement that is sent through the client itself, for example by a method
 * that the application has added to the client and that does not know our handle. For that, `query` becomes an own
 * property of the client, and stays there. Other code may replace or remove the property, so it is looked at anew for
 * each transaction. If it cannot be set, the client itself is not watched.
 */
export function watchQueries(client: SendingClient, watch: TransactionWatch | undefined): QueryWatch {
  const watched = watch && watchedOf(client);
  if (!watched) return { send: (...args) => Reflect.apply(client.query, client, args) as unknown, end() {} };
  watched.watch = watch;
  return {
    send: watched.send,
    end() {
      if (watched.watch === watch) watched.watch = undefined;
    },
  };
}

function watchedOf(client: SendingClient): Watched | undefined {
  const { value: own, get } = Object.getOwnPropertyDescriptor(client, "query") ?? {};
  if (get) return undefined;
  const known = typeof own === "function" ? ours.get(own as Query) : undefined;
  if (known) return known;
  const prototype = Object.getPrototypeOf(client) as SendingClient;
  const watched: Watched = {
    // Looked up at each call: `query` of the class may be replaced at any time.
    send: (...args) => Reflect.apply((own as Query | undefined) ?? (prototype.query as Query), client, args),
    watch: undefined,
  };
  const query: Query = (...args) =>
    watched.watch ? watchedQuery(watched.send, args, watched.watch) : watched.send(...args);
  if (!Reflect.defineProperty(client, "query", { value: query, configurable: true, writable: true })) return undefined;
  ours.set(query, watched);
  return watched;
}
