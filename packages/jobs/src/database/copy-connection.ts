import type { ClientConfig, PoolConfig } from "pg";

/** The settings that decide where a connection goes, and as which user. */
const names: ReadonlySet<string> = new Set([
  "connectionString",
  "host",
  "port",
  "user",
  "database",
  "password",
  "ssl",
  "sslnegotiation",
  "stream",
  "options",
  "client_encoding",
  "application_name",
  "fallback_application_name",
]);

/**
 * The settings of a pool, for a connection that another thread opens. `undefined` if they contain a function, for example one
 * that returns the password.
 */
export function copyConnection(options: PoolConfig): ClientConfig | undefined {
  const given: Readonly<Record<string, unknown>> = { ...options, password: options.password };
  const { ssl } = options;
  // The key is copied by name, because pg makes it non-enumerable, as it does the password.
  const shown = typeof ssl === "object" && "key" in ssl ? { ...given, ssl: { ...ssl, key: ssl.key } } : given;
  const settings = Object.entries(shown).filter(([name, value]) => names.has(name) && value !== undefined);
  try {
    return structuredClone(Object.fromEntries(settings));
  } catch {
    return undefined;
  }
}
