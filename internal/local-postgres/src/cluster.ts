import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Binaries } from "./binaries.ts";
import { errorCode, LocalPostgresError } from "./local-postgres-error.ts";
import { isAlive } from "./process-table.ts";
import { run } from "./run.ts";
import type { ServerUser } from "./server-user.ts";
import { canReach } from "./stage.ts";

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
    return openCluster(directory, user, true);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
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
  mkdirSync(path.dirname(directory), { recursive: true });
  const unfinished = mkdtempSync(`${directory}${unfinishedSuffix}${process.pid}-`);
  try {
    await initialize(unfinished, { binaries, user, sync: true });
    moveInPlace(unfinished, directory);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
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

interface InitializeOptions {
  binaries: Binaries;
  user: ServerUser | undefined;
  sync: boolean;
}

async function initialize(directory: string, { binaries, user, sync }: InitializeOptions): Promise<void> {
  const data = path.join(directory, "data");
  const password = path.join(directory, "password");
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(password, randomBytes(24).toString("base64url"), { mode: 0o600, flag: "wx" });
  if (user !== undefined) {
    // The directory itself stays root's: that user can pass through, but cannot put something else in its place.
    chmodSync(directory, 0o711);
    lchownSync(data, user.uid, user.gid);
    lchownSync(password, user.uid, user.gid);
    await assertReachable(data, user);
  }

  const args = ["-D", dataArgument(data, user), "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8"];
  args.push("--pwfile", path.join("..", "password"), "--no-instructions", ...(sync ? [] : ["--no-sync"]));
  args.push("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8");
  const { succeeded, stderr } = await run(binaries.initdb, args, { cwd: data, user });
  if (succeeded) return;
  throw new LocalPostgresError(
    "INITDB_FAILED",
    `PostgreSQL could not prepare its data in ${directory}; initdb says:\n${stderr.trim()}\n` +
      "Check that the disk has 100 MB left and that the directory can be written.",
  );
}

/**
 * Linux lets a process name its working directory by `/proc/self/cwd` without passing through the directories above
 * it: so the data of a clone in root's home, of mode 0700, can stay where they belong.
 */
function dataArgument(data: string, user: ServerUser | undefined): string {
  return user !== undefined && process.platform === "linux" ? "/proc/self/cwd" : data;
}

async function assertReachable(data: string, user: ServerUser): Promise<void> {
  if (process.platform === "linux" || (await canReach(data, user))) return;
  throw new LocalPostgresError(
    "DATA_DIR_UNREACHABLE",
    `PostgreSQL does not run as root, and the user that should run it cannot reach ${data}. Start as an ordinary ` +
      "user, choose a data directory outside of root's home, or set DATABASE_URL.",
  );
}

function openCluster(directory: string, user: ServerUser | undefined, isThrowAway: boolean): Cluster {
  const data = path.join(directory, "data");
  const password = readPassword(directory);
  return { directory, data, dataArgument: dataArgument(data, user), password, isThrowAway, user };
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
