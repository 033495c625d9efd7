import { execFile } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { makeThrowAwayCluster, makeThrowAwayDirectory } from "@acme/local-postgres";
import { installationOf, type PostgresVersion } from "./postgres-versions.ts";

/** Names the directory that a vitest run shares, because its workers are ended before they could tidy up. */
export const clustersOfRun = "ACME_TEST_CLUSTERS";

const pristine = new Map<PostgresVersion, Promise<string>>();

/** A new cluster in a temp directory: a copy of one that is made once, which takes a second or two. */
export async function createCluster(version: PostgresVersion): Promise<string> {
  const original = pristine.get(version) ?? createPristine(version);
  pristine.set(version, original);
  return copyCluster(await original);
}

/** Whoever owns the files has to own the copies, too, or the server's user could not read them. */
export async function copyCluster(original: string): Promise<string> {
  const copy = makeThrowAwayDirectory();
  await promisify(execFile)("cp", ["-pPR", `${original}/.`, copy]);
  return copy;
}

/** The one of the run, whichever worker makes it first; else of this process. */
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
