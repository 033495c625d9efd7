// This entry can be used outside of a vitest run, too.
export { isInstalled, type PostgresVersion, postgresVersions } from "./postgres-versions.ts";
export {
  type PostgresSettings,
  type RestartableServer,
  type RestartableServerOptions,
  startServer,
} from "./restartable-server.ts";
export { type Standby, type StandbyOptions, startStandby } from "./standby.ts";
