import { saysInfrastructure } from "./infrastructure-error.ts";
import { someCause } from "./some-cause.ts";

/**
 * Whether an error says that a remote service could not be reached, took too long, or asked the caller to try later:
 * connection errors of Node, DNS, undici, nodemailer, pg and knex, timeouts, SMTP 4xx, HTTP 408, 429, 502, 503 and 504.
 *
 * Looks at the error and at its causes. `retry.network` retries on these errors.
 *
 * @throws Nothing.
 *
 * @example
 * const policy = retry.fixed({
 *   attempts: 3,
 *   delayMs: 5_000,
 *   on: (error) => isNetworkError(error) || error instanceof GatewayTimeoutError,
 * });
 */
export function isNetworkError(error: unknown): boolean {
  return someCause(error, saysNetwork);
}

/** Properties that network libraries put on their errors. */
interface NetworkFacts {
  name: unknown;
  code: unknown;
  /** nodemailer: the SMTP reply code. */
  responseCode: unknown;
  /** The HTTP status: here (fetch wrappers, axios), or on the response (got). */
  status: unknown;
  statusCode: unknown;
  response: unknown;
}

const statuses: ReadonlySet<unknown> = new Set([408, 429, 502, 503, 504]);

const codes = new Set([
  // nodemailer
  "ECONNECTION",
  "ESOCKET",
  "EDNS",
  // this package
  "ATTEMPT_TIMEOUT",
  // PostgreSQL: a statement that has timed out or was cancelled
  "57014",
]);

function saysNetwork(error: Partial<NetworkFacts>): boolean {
  if (saysInfrastructure(error)) return true;
  if (error.name === "TimeoutError") return true;
  if (typeof error.code === "string" && (codes.has(error.code) || networkCodePattern.test(error.code))) return true;
  if (typeof error.responseCode === "number" && error.responseCode >= 400 && error.responseCode < 500) return true;
  const response = error.response as Pick<NetworkFacts, "status" | "statusCode"> | null | undefined;
  return [error, response].some((facts) => statuses.has(facts?.status) || statuses.has(facts?.statusCode));
}

/** undici's timeouts and sockets. */
const networkCodePattern = /^UND_ERR_(?:CONNECT_TIMEOUT|HEADERS_TIMEOUT|BODY_TIMEOUT|SOCKET)$/;
