import { TestDatabaseError } from "./errors.ts";
import type { TestDatabaseOptions } from "./test-database.ts";

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
