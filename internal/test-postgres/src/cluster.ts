import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { promisify } from "node:util";
import { makeThrowAwayCluster, makeThrowAwayDirectory } from "@acme/local-postgres";
import { installationOf, type PostgresVersion } from "./postgres-versions.ts";

const pristine = new Map<PostgresVersion, Promise<string>>();

/** A new cluster in a temp directory: a copy of one that is made once per process, which takes a second or two. */
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

async function createPristine(version: PostgresVersion): Promise<string> {
  const installation = installationOf(version);
  const dataDir = await makeThrowAwayCluster({ ...(installation && { installation }) });
  process.once("exit", () => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}
