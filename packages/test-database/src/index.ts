export { TestDatabaseError, type TestDatabaseErrorCode } from "./errors.ts";
export { createTestDatabase, type TestDatabase, type TestDatabaseOptions } from "./test-database.ts";
