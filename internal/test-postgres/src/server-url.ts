import { inject, type ProvidedContext } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Connection strings of the servers of this run, one for each worker, with the rights to create databases. */
    postgresServerUrls: string[];
    /** The beginning of the name of every database of this run. */
    postgresRunId: string;
  }
}

/** The server of this worker's tests: a superuser's connection string, from the global setup. */
export function serverUrl(): string {
  const urls = provided("postgresServerUrls");
  // Vitest counts from 1, and no two running workers have the same number.
  const worker = Number(process.env["VITEST_POOL_ID"]);
  const url = urls[(worker - 1) % urls.length];
  if (url === undefined) throw new Error(`There is no server for worker ${worker}.`);
  return url;
}

/** The beginning of the names of this run's databases, on a server that may have others. */
export function runId(): string {
  return provided("postgresRunId");
}

function provided<Key extends "postgresServerUrls" | "postgresRunId">(key: Key): ProvidedContext[Key] {
  const value: ProvidedContext[Key] | undefined = inject(key);
  if (value !== undefined) return value;
  throw new Error(
    'No PostgreSQL for these tests. Add globalSetup: ["@acme/test-postgres/global-setup"] to vitest.config.ts.',
  );
}
