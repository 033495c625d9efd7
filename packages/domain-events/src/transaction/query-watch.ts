import type { TransactionWatch } from "./transaction-adapter.ts";
import { watchedQuery } from "./watched-query.ts";

type Query = (...args: unknown[]) => unknown;

/** The part of a pg client that sends. */
export interface SendingClient {
  query(...args: never[]): unknown;
}

/** A `query` of ours, on top of whatever was there when it was made. */
interface Watched {
  readonly send: Query;
  watch: TransactionWatch | undefined;
}

const ours = new WeakMap<Query, Watched>();

/** How to send below the watch, and how to end it. */
export interface QueryWatch {
  readonly send: Query;
  end(): void;
}

/**
 * Until it ends, the watch is told of what anybody sends through the client: by a method that an application has added to it, for one, which
 * knows nothing of our handle. For that `query` becomes a property of the client, and stays. Others put theirs there, or take them away, and ours with
 * them, so each time it is looked at anew. Where none can be put there, the client itself is not watched.
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
    // That of its class may be replaced at any time.
    send: (...args) => Reflect.apply((own as Query | undefined) ?? (prototype.query as Query), client, args),
    watch: undefined,
  };
  const query: Query = (...args) =>
    watched.watch ? watchedQuery(watched.send, args, watched.watch) : watched.send(...args);
  if (!Reflect.defineProperty(client, "query", { value: query, configurable: true, writable: true })) return undefined;
  ours.set(query, watched);
  return watched;
}
