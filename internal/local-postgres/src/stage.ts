import { chmodSync, cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { LocalPostgresError } from "./local-postgres-error.ts";
import { run } from "./run.ts";
import type { ServerUser } from "./server-user.ts";

/**
 * Copies the binaries to where the server's user can reach them, once per version, and returns the copy.
 *
 * The copy has a random name. It is found again by its owner: only root can have made a directory of root's in a
 * sticky directory, and nobody else can write to it or move it away.
 */
export async function stage(source: string, version: string, user: ServerUser): Promise<string> {
  const parent = await reachableParent(user);
  const prefix = `acme-postgres-bin-${version}-`;
  for (const name of readdirSync(parent).toSorted()) {
    const copy = path.join(parent, name);
    if (name.startsWith(prefix) && isOurs(copy) && isComplete(copy, source)) return path.join(copy, "native");
  }

  const copy = mkdtempSync(path.join(parent, prefix));
  cpSync(source, path.join(copy, "native"), { recursive: true, verbatimSymlinks: true });
  openForReading(copy);
  // Written last: a copy without it was interrupted.
  writeFileSync(path.join(copy, "complete"), "");
  return path.join(copy, "native");
}

async function reachableParent(user: ServerUser): Promise<string> {
  for (const parent of new Set([tmpdir(), "/var/tmp", "/tmp"])) {
    if (isSafeParent(parent) && (await canReach(parent, user))) return parent;
  }
  throw new LocalPostgresError(
    "BINARIES_UNREACHABLE",
    "PostgreSQL's programs lie where only root can read them, and no temp directory is both root's and open to the " +
      "user that should run them. Set TMPDIR to such a directory, or start as an ordinary user.",
  );
}

/** Whether this user can step into the directory, which its mode alone does not tell. */
export async function canReach(directory: string, user: ServerUser): Promise<boolean> {
  return (await run("/bin/sh", ["-c", 'cd -- "$1"', "sh", directory], { user, cwd: "/" })).succeeded;
}

function isSafeParent(directory: string): boolean {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined || !found.isDirectory() || found.uid !== 0) return false;
  const othersMayWrite = (found.mode & 0o022) !== 0;
  const isSticky = (found.mode & 0o1000) !== 0;
  return !othersMayWrite || isSticky;
}

function isOurs(directory: string): boolean {
  const found = lstatSync(directory);
  return found.isDirectory() && found.uid === 0 && (found.mode & 0o777) === 0o755;
}

/** Cleaners of temp directories remove single old files, so the list of files is compared. */
function isComplete(copy: string, source: string): boolean {
  if (!existsSync(path.join(copy, "complete"))) return false;
  return listFiles(path.join(copy, "native")) === listFiles(source);
}

function listFiles(directory: string): string {
  return readdirSync(directory, { recursive: true }).map(String).toSorted().join("\n");
}

/** A clone made under a umask of 077 has files that only its owner reads. */
function openForReading(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const item = path.join(directory, entry.name);
    if (entry.isDirectory()) openForReading(item);
    else if (entry.isFile()) chmodSync(item, (statSync(item).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}
