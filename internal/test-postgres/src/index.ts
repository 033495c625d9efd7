export { type Child, type ChildEnd, type ChildOptions, runChild } from "./child.ts";
export { isInstalled, type PostgresVersion, postgresVersions } from "./postgres-versions.ts";
export { type Proxy, startProxy } from "./proxy.ts";
export {
  type PostgresSettings,
  type RestartableServer,
  type RestartableServerOptions,
  startServer,
} from "./restartable-server.ts";
export { serverUrl } from "./server-url.ts";
export { type Standby, type StandbyOptions, startStandby } from "./standby.ts";
export { terminateBackends, type TerminateOptions } from "./terminate-backends.ts";
export { createTemplate, createTestDatabase, type TestDatabase, type TestDatabaseOptions } from "./test-database.ts";
