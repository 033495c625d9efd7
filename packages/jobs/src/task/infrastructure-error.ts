import { someCause } from "./some-cause.ts";

/**
 * Whether an error says that a database, or the way to it, was not there for the moment: lost and refused connections, pools that had no
 * connection to give, conflicts, and what units of work make of these. The same work may succeed a little later.
 *
 * Looks at the error and at what caused it.
 */
export function isInfrastructureError(error: unknown): boolean {
  return someCause(error, saysInfrastructure);
}

const codes = new Set([
  // Node's sockets and names
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  // @acme/domain-events
  "TRANSACTION_ABORTED",
  "COMMIT_OUTCOME_UNKNOWN",
  // this package
  "JOBS_DATABASE_UNREACHABLE",
]);

/** Where a connection is to be made: the socket of a server that is not there, and a machine that is short of something. */
const connectCodes = new Set(["ENOENT", "EAGAIN", "EADDRNOTAVAIL", "EMFILE", "ENFILE", "ENOBUFS"]);

/**
 * PostgreSQL: connection exceptions, shutdowns and starts, sessions that took too long, a server short of something, a standby for the moment, conflicts. A unique
 * violation or a limit of the statement's own is none of them.
 */
const states = /^(?:08[0-9A-Z]{3}|57P0[1-5]|25P0[34]|53[0-9A-Z]{3}|25006|40001|40P01|55P03)$/;

/** pg's own errors carry no code. Knex puts the statement in front. */
const endings = [
  "connection terminated",
  "connection terminated unexpectedly",
  "connection terminated due to connection timeout",
  "is not queryable",
  "client was closed and is not queryable",
  "timeout exceeded when trying to connect",
  "query read timeout",
  "connection timeout",
  "connection error",
  "timeout expired",
];

/** Whether it is so of this error alone, whatever has caused it. */
export function saysInfrastructure(error: {
  readonly code?: unknown;
  readonly name?: unknown;
  readonly message?: unknown;
  readonly syscall?: unknown;
}): boolean {
  const { code, name, message, syscall } = error;
  if (typeof code === "string")
    return codes.has(code) || states.test(code) || (syscall === "connect" && connectCodes.has(code));
  if (name === "KnexTimeoutError") return true;
  if (typeof message !== "string") return false;
  const text = message.toLowerCase();
  return endings.some((ending) => text.endsWith(ending));
}
