import { someCause } from "./some-cause.ts";

/**
 * Whether an error says that a database, or the network to it, was not available for the moment: lost and refused
 * connections, pools without a free connection, conflicts, and the errors of units of work that are caused by these. The same
 * work may succeed a little later.
 *
 * Looks at the error and at its causes.
 *
 * @throws Nothing.
 *
 * @example
 * await registerUser(unitOfWork, email).catch((error: unknown) => {
 *   if (!isInfrastructureError(error)) throw error;
 *   logger.warn({ error }, "the database is away; ask again later");
 * });
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

/** Only while connecting: the socket file of a server that does not run, or a machine short of ports, files or buffers. */
const connectCodes = new Set(["ENOENT", "EAGAIN", "EADDRNOTAVAIL", "EMFILE", "ENFILE", "ENOBUFS"]);

/**
 * PostgreSQL: connection exceptions, shutdowns and starts, sessions that timed out, a server short of resources, a server
 * that is a standby for the moment, conflicts. Unique violations and statement timeouts are not among them.
 */
const states = /^(?:08[0-9A-Z]{3}|57P0[1-5]|25P0[34]|53[0-9A-Z]{3}|25006|40001|40P01|55P03)$/;

/** pg's own errors have no code. Knex puts the statement before the message. */
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

/** The same for this error alone, without its causes. */
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
