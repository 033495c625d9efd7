import { TestDatabaseError } from "./errors.ts";

/** What `createTestDatabase()` takes. */
export interface TestDatabaseOptions {
  /**
   * Makes your tables in the empty database behind this connection string, as a deploy does. It has closed its
   * connections when it resolves. It runs once, and what it has made is copied for each call: keep it in a constant,
   * since another function is another database to copy.
   */
  readonly migrate?: ((url: string) => unknown) | undefined;
  /**
   * A name for what `migrate` makes. All test files of a run that give the same one share it, if a global set-up gives
   * them one server: then `migrate` runs once for the run. Without a name, it runs once for each test file.
   */
  readonly template?: string | undefined;
  /**
   * A server of your own, by the connection string of a role that may create databases. Default: `TEST_DATABASE_URL`,
   * or without that a PostgreSQL 18 from npm.
   */
  readonly url?: string | undefined;
}

const kinds: Record<keyof TestDatabaseOptions, string> = { migrate: "function", template: "string", url: "string" };

/** @throws {@link TestDatabaseError} `OPTIONS_INVALID`, with the name of the option. */
export function checkOptions(options: TestDatabaseOptions): TestDatabaseOptions {
  for (const [name, value] of Object.entries(options)) {
    const kind = kinds[name as keyof TestDatabaseOptions] as string | undefined;
    if (kind === undefined) {
      throw invalid(`createTestDatabase() has no option "${name}". It has ${Object.keys(kinds).join(", ")}.`);
    }
    if (value !== undefined && typeof value !== kind) {
      throw invalid(`The option ${name} of createTestDatabase() is no ${kind}.`);
    }
  }
  if (options.template !== undefined && options.migrate === undefined) {
    throw invalid("The option template names what migrate makes: give createTestDatabase() both.");
  }
  return options;
}

function invalid(message: string): TestDatabaseError {
  return new TestDatabaseError("OPTIONS_INVALID", message);
}
