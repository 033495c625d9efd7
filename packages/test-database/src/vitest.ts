import { shareServer } from "./find-server.ts";
import { dropTemplates } from "./run-databases.ts";

/** What the set-up uses of a project of vitest. */
export interface ProjectOfRun {
  /**
   * Called before the tests run again, while vitest watches.
   *
   * @throws Nothing.
   */
  onTestsRerun?(callback: () => Promise<void>): void;
}

/**
 * Gives all test files of a vitest run one server. Name the entry in `globalSetup`.
 *
 * While vitest watches, each run migrates anew.
 *
 * @throws {@link TestDatabaseError} What `createTestDatabase()` throws of the server.
 *
 * @example
 * // vitest.config.ts
 * export default { test: { globalSetup: ["@acme/test-database/vitest"] } };
 */
export default async function setUpVitest(project: ProjectOfRun = {}): Promise<() => Promise<void>> {
  const server = await shareServer();
  project.onTestsRerun?.(() => dropTemplates(server));
  return () => server.stop();
}
