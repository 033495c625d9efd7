import type { SeenServer } from "./commit-proof.ts";

/**
 * How long a server is not asked again. A checkpoint within that time would leave a lost COMMIT unresolved, but
 * checkpoints are minutes apart.
 */
const freshMs = 1_000;

const seen = new WeakMap<object, { readonly server: SeenServer | null; readonly at: number }>();

/** The server that was seen lately at the other end of a connection; `undefined` if it is time to ask. */
export function seenServer(connection: object | undefined): SeenServer | null | undefined {
  const known = connection && seen.get(connection);
  return known && performance.now() - known.at < freshMs ? known.server : undefined;
}

export function noteServer(connection: object | undefined, server: SeenServer | null): void {
  if (connection) seen.set(connection, { server, at: performance.now() });
}
