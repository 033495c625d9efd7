import { shareServer } from "./find-server.ts";
import { dropTemplates } from "./run-databases.ts";

/**
 * Gives all test files of a Jest run one server, which ends with Jest. Name the entry in `globalSetup`.
 *
 * While Jest watches, each run migrates anew.
 *
 * @throws {@link TestDatabaseError} What `createTestDatabase()` throws of the server.
 *
 * @example
 * // jest.config.mjs
 * export default { globalSetup: "@acme/test-database/jest" };
 */
export default async function setUpJest(): Promise<void> {
  await dropTemplates(await shareServer());
}
