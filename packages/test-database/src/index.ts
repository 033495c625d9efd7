export { TestDatabaseError, type TestDatabaseErrorCode } from "./errors.ts";
export type { TestDatabaseOptions } from "./options.ts";
export { createTestDatabase, type TestDatabase } from "./test-database.ts";
