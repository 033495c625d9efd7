import type { ClientConfig, PoolConfig } from "pg";

/** What decides where a connection goes, and as whom; all that can be copied of it. */
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

/** The settings of a pool for a connection of another thread; `undefined` where code of this one belongs to them, such as a function that gives the password. */
export function copyConnection(options: PoolConfig): ClientConfig | undefined {
  const given: Readonly<Record<string, unknown>> = { ...options, password: options.password };
  const { ssl } = options;
  // pg hides a password and a key from whoever lists the settings.
  const shown = typeof ssl === "object" && "key" in ssl ? { ...given, ssl: { ...ssl, key: ssl.key } } : given;
  const settings = Object.entries(shown).filter(([name, value]) => names.has(name) && value !== undefined);
  try {
    return structuredClone(Object.fromEntries(settings));
  } catch {
    return undefined;
  }
}
