export { type Child, type ChildEnd, type ChildOptions, runChild } from "./child.ts";
export { type Proxy, startProxy } from "./proxy.ts";
export { type RestartableServer, type RestartableServerOptions, startServer } from "./restartable-server.ts";
export { serverUrl } from "./server-url.ts";
export { terminateBackends, type TerminateOptions } from "./terminate-backends.ts";
export { createTemplate, createTestDatabase, type TestDatabase, type TestDatabaseOptions } from "./test-database.ts";
