import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Connection string of the server that this run's tests share, with the rights to create databases. */
    postgresServerUrl: string;
    /** Begins the name of every database of this run. */
    postgresRunId: string;
  }
}

/** The server this run's tests share: a superuser's connection string, from the global setup. */
export function serverUrl(): string {
  return provided("postgresServerUrl");
}

/** Begins the names of the databases of this run, on a server that may have others. */
export function runId(): string {
  return provided("postgresRunId");
}

function provided(key: "postgresServerUrl" | "postgresRunId"): string {
  const value: string | undefined = inject(key);
  if (value !== undefined) return value;
  throw new Error(
    'No PostgreSQL for these tests. Add globalSetup: ["@acme/test-postgres/global-setup"] to vitest.config.ts.',
  );
}
