import { execFile } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { makeThrowAwayCluster, makeThrowAwayDirectory } from "@acme/local-postgres";
import { installationOf, type PostgresVersion } from "./postgres-versions.ts";

/**
 * The variable with the directory that all workers of a vitest run share. They are ended before they could remove it.
 */
export const clustersOfRun = "ACME_TEST_CLUSTERS";

const pristine = new Map<PostgresVersion, Promise<string>>();

/** A new cluster in a temp directory: a copy of one that is made once, which takes a second or two. */
export async function createCluster(version: PostgresVersion): Promise<string> {
  const original = pristine.get(version) ?? createPristine(version);
  pristine.set(version, original);
  return copyCluster(await original);
}

/** The copies need the same owner as the files, or the server's user could not read them. */
export async function copyCluster(original: string): Promise<string> {
  const copy = makeThrowAwayDirectory();
  await promisify(execFile)("cp", ["-pPR", `${original}/.`, copy]);
  return copy;
}

/** The cluster of the run, which the first worker makes. Without a run, each process makes its own. */
async function createPristine(version: PostgresVersion): Promise<string> {
  const directory = process.env[clustersOfRun];
  const place = directory === undefined ? undefined : path.join(directory, version);
  if (place !== undefined && existsSync(place)) return place;

  const installation = installationOf(version);
  const made = await makeThrowAwayCluster({ ...(installation && { installation }) });
  if (place === undefined) {
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    return made;
  }
  try {
    renameSync(made, place);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    // Another worker was first: its cluster is as good as ours.
    if (!existsSync(place)) throw error;
  }
  return place;
}
