import { randomBytes } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { makeThrowAwayDirectory, startLocalPostgres } from "@acme/local-postgres";
import type { TestProject } from "vitest/node";
import { clustersOfRun } from "./cluster.ts";
import { dropDatabasesOf } from "./drop-databases.ts";

/**
 * Gives a vitest run its PostgreSQL: one throw-away server, or the one that `TEST_DATABASE_URL` names.
 *
 * Name it in `globalSetup`; the tests call `createTestDatabase`. What the run created is gone when it ends.
 */
export default async function startServerForRun(project: TestProject): Promise<() => Promise<void>> {
  const removeClusters = makePlaceForClusters();
  const runId = `test_${randomBytes(4).toString("hex")}`;
  project.provide("postgresRunId", runId);

  const given = process.env["TEST_DATABASE_URL"];
  if (given !== undefined && given !== "") {
    project.provide("postgresServerUrl", given);
    return async () => {
      removeClusters();
      await dropDatabasesOf(runId, given);
    };
  }
  const server = await startLocalPostgres();
  project.provide("postgresServerUrl", server.url());
  return async () => {
    removeClusters();
    await server.stop();
  };
}

/** For servers of a test's own, whose first cluster is copied for the others. */
function makePlaceForClusters(): () => void {
  const directory = makeThrowAwayDirectory();
  // The server's user has to pass through.
  chmodSync(directory, 0o711);
  process.env[clustersOfRun] = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
