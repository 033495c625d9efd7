import { randomBytes } from "node:crypto";
import { startLocalPostgres } from "@acme/local-postgres";
import type { TestProject } from "vitest/node";
import { dropDatabasesOf } from "./drop-databases.ts";

/**
 * Gives a vitest run its PostgreSQL: one throw-away server, or the one that `TEST_DATABASE_URL` names.
 *
 * Name it in `globalSetup`; the tests call `createTestDatabase`. What the run created is gone when it ends.
 */
export default async function startServerForRun(project: TestProject): Promise<() => Promise<void>> {
  const runId = `test_${randomBytes(4).toString("hex")}`;
  project.provide("postgresRunId", runId);

  const given = process.env["TEST_DATABASE_URL"];
  if (given !== undefined && given !== "") {
    project.provide("postgresServerUrl", given);
    return () => dropDatabasesOf(runId, given);
  }
  const server = await startLocalPostgres();
  project.provide("postgresServerUrl", server.url());
  return () => server.stop();
}
