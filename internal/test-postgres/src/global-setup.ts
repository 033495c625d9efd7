import { randomBytes } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { makeThrowAwayDirectory, startLocalPostgres } from "@acme/local-postgres";
import type { TestProject } from "vitest/node";
import { clustersOfRun } from "./cluster.ts";
import { dropDatabasesOf } from "./drop-databases.ts";
import { makeTemporaryFilesInMemory } from "./memory-directory.ts";
import { testOptions } from "./test-options.ts";

/**
 * Gives a vitest run its PostgreSQL: a throw-away server for each of its workers, or the one that `TEST_DATABASE_URL`
 * names.
 *
 * Each worker has its own server: creating and dropping databases causes checkpoints, and after a checkpoint a lost
 * COMMIT of another test could not be resolved.
 *
 * Name it in `globalSetup`; the tests call `createTestDatabase`. What the run created is gone when it ends.
 */
export default async function startServerForRun(project: TestProject): Promise<() => Promise<void>> {
  makeTemporaryFilesInMemory();
  const removeClusters = makePlaceForClusters();
  const runId = `test_${randomBytes(4).toString("hex")}`;
  project.provide("postgresRunId", runId);

  const given = process.env["TEST_DATABASE_URL"];
  if (given !== undefined && given !== "") {
    project.provide("postgresServerUrls", [given]);
    return async () => {
      removeClusters();
      await dropDatabasesOf(runId, given);
    };
  }
  const servers = await Promise.all(Array.from({ length: testOptions.maxWorkers }, () => startLocalPostgres()));
  project.provide(
    "postgresServerUrls",
    servers.map((server) => server.url()),
  );
  return async () => {
    removeClusters();
    await Promise.all(servers.map((server) => server.stop()));
  };
}

/** Makes the directory for clusters of servers that a test starts. The first cluster is copied for the others. */
function makePlaceForClusters(): () => void {
  const directory = makeThrowAwayDirectory();
  // The server's user needs the right to pass through the directory.
  chmodSync(directory, 0o711);
  process.env[clustersOfRun] = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
