export { createTemplate, createTestDatabase, type TestDatabase, type TestDatabaseOptions } from "./test-database.ts";
export { serverUrl } from "./server-url.ts";
