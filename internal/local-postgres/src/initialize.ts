import { randomBytes } from "node:crypto";
import { chmodSync, lchownSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Binaries } from "./binaries.ts";
import { LocalPostgresError } from "./local-postgres-error.ts";
import { run } from "./run.ts";
import type { ServerUser } from "./server-user.ts";
import { canReach } from "./stage.ts";

export interface InitializeOptions {
  binaries: Binaries;
  user: ServerUser | undefined;
  sync: boolean;
}

/** Makes the data and the password in an empty directory. */
export async function initialize(directory: string, { binaries, user, sync }: InitializeOptions): Promise<void> {
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

  const args = ["-D", locateData(data, user), "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8"];
  args.push("--pwfile", path.join("..", "password"), ...(sync ? [] : ["--no-sync"]));
  if (Number(binaries.majorVersion) >= 14) args.push("--no-instructions");
  args.push("--locale=C");
  if (Number(binaries.majorVersion) >= 17) args.push("--locale-provider=builtin", "--builtin-locale=C.UTF-8");
  const { succeeded, stderr } = await run(binaries.initdb, args, { cwd: data, user });
  if (succeeded) return;
  throw new LocalPostgresError(
    "INITDB_FAILED",
    `PostgreSQL could not prepare its data in ${directory}; initdb says:\n${stderr.trim()}\n` +
      "Check that the disk has 100 MB left and that the directory can be written.",
  );
}

/**
 * What a program of PostgreSQL is told to find the data by, when these are its working directory.
 *
 * Linux lets a process name its working directory by `/proc/self/cwd` without passing through the directories above
 * it: so the data of a clone in root's home, of mode 0700, can stay where they belong.
 */
export function locateData(data: string, user: ServerUser | undefined): string {
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
