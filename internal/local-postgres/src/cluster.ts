import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Binaries } from "./binaries.ts";
import { initialize, locateData } from "./initialize.ts";
import { errorCode, LocalPostgresError } from "./local-postgres-error.ts";
import { isAlive } from "./process-table.ts";
import type { ServerUser } from "./server-user.ts";

/** A directory with PostgreSQL's `data`, the `password` beside it, and who runs the server on it. */
export interface Cluster {
  directory: string;
  data: string;
  /** How the server is told where its data is: by its working directory. */
  dataArgument: string;
  password: string;
  isThrowAway: boolean;
  user: ServerUser | undefined;
}

/** The name carries the pid of its maker, so that a later run can tell what was left behind. */
export const throwAwayPrefix = "acme-postgres-";

const unfinishedSuffix = ".new-";

export async function createThrowAwayCluster(binaries: Binaries, user: ServerUser | undefined): Promise<Cluster> {
  const directory = makeThrowAwayDirectory();
  try {
    await initialize(directory, { binaries, user, sync: false });
    const cluster = openCluster(directory, user, true);
    keepSharedMemoryWithData(cluster);
    return cluster;
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Nobody starts a server on this data again after one was killed, so what it leaves elsewhere would stay for ever. */
function keepSharedMemoryWithData({ data }: Cluster): void {
  if (process.platform === "win32") return;
  appendFileSync(path.join(data, "postgresql.conf"), "dynamic_shared_memory_type = mmap\n");
}

/** An empty directory in the temp directory. When its maker dies without removing it, a later throw-away start does. */
export function makeThrowAwayDirectory(): string {
  return mkdtempSync(path.join(realpathSync(tmpdir()), `${throwAwayPrefix}${process.pid}-`));
}

export async function openOrCreateCluster(
  directory: string,
  binaries: Binaries,
  user: ServerUser | undefined,
): Promise<Cluster> {
  if (!holdsCluster(directory)) await createCluster(directory, binaries, user);
  removeUnfinished(directory);
  const cluster = openCluster(realpathSync(directory), user, false);
  assertVersion(cluster, binaries);
  return cluster;
}

/** Made beside its place and moved there when it is whole: a start that is killed half-way leaves nothing half-made. */
async function createCluster(directory: string, binaries: Binaries, user: ServerUser | undefined): Promise<void> {
  const unfinished = makeUnfinished(directory);
  try {
    await initialize(unfinished, { binaries, user, sync: true });
    moveInPlace(unfinished, directory);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function makeUnfinished(directory: string): string {
  try {
    mkdirSync(path.dirname(directory), { recursive: true });
    return mkdtempSync(`${directory}${unfinishedSuffix}${process.pid}-`);
  } catch (cause) {
    throw new LocalPostgresError(
      "DATA_DIR_NOT_WRITABLE",
      `The data directory ${directory} cannot be made (${errorCode(cause)}). Make its parent writable for this user, or ` +
        "choose another data directory.",
      { cause },
    );
  }
}

function moveInPlace(unfinished: string, directory: string): void {
  try {
    if (existsSync(directory)) rmdirSync(directory);
    renameSync(unfinished, directory);
  } catch (cause) {
    // Another start was first: its cluster is as good as ours.
    if (holdsCluster(directory)) return;
    if (!["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(errorCode(cause) ?? "")) throw cause;
    throw new LocalPostgresError(
      "DATA_DIR_NOT_A_CLUSTER",
      `${directory} is not empty and was not made by this launcher. Give the path of a directory that is empty or absent.`,
      { cause },
    );
  }
}

/** What starts left that were killed while they made a cluster. */
function removeUnfinished(directory: string): void {
  const parent = path.dirname(directory);
  const prefix = path.basename(directory) + unfinishedSuffix;
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix) || isAlive(Number.parseInt(name.slice(prefix.length), 10))) continue;
    rmSync(path.join(parent, name), { recursive: true, force: true });
  }
}

function holdsCluster(directory: string): boolean {
  return existsSync(path.join(directory, "password"));
}

function openCluster(directory: string, user: ServerUser | undefined, isThrowAway: boolean): Cluster {
  const data = path.join(directory, "data");
  const password = readPassword(directory);
  return { directory, data, dataArgument: locateData(data, user), password, isThrowAway, user };
}

function readPassword(directory: string): string {
  try {
    // Root must not be led to another file by a link.
    const file = openSync(path.join(directory, "password"), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      return readFileSync(file, "utf8");
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new LocalPostgresError(
      "DATA_DIR_FOREIGN",
      `The database in ${directory} belongs to another user, who started it first. Start as that user or as root, or ` +
        "choose another data directory.",
      { cause },
    );
  }
}

function assertVersion({ directory, data }: Cluster, binaries: Binaries): void {
  const version = readFileSync(path.join(data, "PG_VERSION"), "utf8").trim();
  if (version === binaries.majorVersion) return;
  throw new LocalPostgresError(
    "DATA_DIR_INCOMPATIBLE",
    `The data in ${directory} were written by PostgreSQL ${version}; this is PostgreSQL ${binaries.majorVersion}. ` +
      "Move the directory away to begin with an empty database, or go back to the version that wrote it.",
  );
}
