import type { TransactionWatch } from "./transaction-adapter.ts";
import { watchedQuery } from "./watched-query.ts";

/** The part of a pg client that sends. */
export interface SendingClient {
  query(...args: never[]): unknown;
}

type Query = (...args: unknown[]) => unknown;

interface Watched {
  watch: TransactionWatch | undefined;
}

const clients = new WeakMap<SendingClient, Watched>();

/**
 * From now on the watch is told of what anybody sends through the client: by a method that an application has added to it, for one, which knows
 * nothing of our handle. `undefined` ends it. Once for each connection `query` becomes a property of the client, which stays.
 */
export function watchQueries(client: SendingClient, watch: TransactionWatch | undefined): void {
  watchedOf(client).watch = watch;
}

/** For what must not be watched, or is watched already. `send` calls `client.query` before it returns. */
export function unwatched<Sent>(client: SendingClient, send: () => Sent): Sent {
  const watched = clients.get(client);
  if (watched?.watch === undefined) return send();
  const { watch } = watched;
  watched.watch = undefined;
  try {
    return send();
  } finally {
    watched.watch = watch;
  }
}

function watchedOf(client: SendingClient): Watched {
  const known = clients.get(client);
  if (known) return known;
  const watched: Watched = { watch: undefined };
  // Somebody may have put one there; else that of its class, which may be replaced at any time.
  const own = Object.getOwnPropertyDescriptor(client, "query")?.value as Query | undefined;
  const prototype = Object.getPrototypeOf(client) as SendingClient;
  const value = (...args: unknown[]): unknown => {
    const send: Query = (...sent) => Reflect.apply(own ?? (prototype.query as Query), client, sent);
    return watched.watch ? watchedQuery(send, args, watched.watch) : send(...args);
  };
  Object.defineProperty(client, "query", { value, configurable: true, writable: true });
  clients.set(client, watched);
  return watched;
}
