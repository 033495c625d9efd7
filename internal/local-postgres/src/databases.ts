import type { Binaries } from "./binaries.ts";
import type { Cluster } from "./cluster.ts";
import { LocalPostgresError } from "./local-postgres-error.ts";
import { run } from "./run.ts";

/**
 * Creates the databases that are not there yet, before the server accepts anybody.
 *
 * PostgreSQL's single-user mode does it: no driver, no password, no connection. Resolves with `false` when another
 * server holds the data; then nothing was done.
 */
export async function createMissingDatabases(names: string[], cluster: Cluster, binaries: Binaries): Promise<boolean> {
  if (names.length === 0) return true;
  const listed = await singleUser("select datname from pg_database", cluster, binaries);
  if (listed === undefined) return false;

  const missing = new Set(names.filter((name) => !listed.includes(`datname = "${name}"`)));
  if (missing.size === 0) return true;
  const statements = [...missing].map((name) => `create database "${name}"`);
  return (await singleUser(statements.join("\n"), cluster, binaries)) !== undefined;
}

/** @throws {@link LocalPostgresError} `DATABASE_NAME_INVALID` */
export function assertDatabaseNames(names: string[]): void {
  const wrong = names.find((name) => !/^[\w-]{1,63}$/.test(name));
  if (wrong === undefined) return;
  throw new LocalPostgresError(
    "DATABASE_NAME_INVALID",
    `"${wrong}" cannot be a database here. Use at most 63 letters, digits, "_" and "-".`,
  );
}

async function singleUser(input: string, cluster: Cluster, binaries: Binaries): Promise<string | undefined> {
  const args = ["--single", "-D", cluster.dataArgument, "-c", "lc_messages=C", "postgres"];
  const { data: cwd, user } = cluster;
  const { succeeded, stdout, stderr } = await run(binaries.postgres, args, { cwd, user, input: `${input}\n` });
  if (isHeldByAnother(stderr)) return undefined;
  // Another start may have created it between our look and our statement.
  const complaints = stderr.split("\n").filter((line) => / (ERROR|FATAL|PANIC): /.test(line));
  if (succeeded && complaints.every((line) => line.endsWith("already exists"))) return stdout;
  throw new LocalPostgresError(
    "DATABASE_NOT_CREATED",
    `The databases in ${cluster.directory} could not be created; PostgreSQL says:\n${stderr.trim()}`,
  );
}

/** Whether PostgreSQL refused to start because of another server on the same data, perhaps one that is just ending. */
export function isHeldByAnother(log: string): boolean {
  return /lock file "postmaster\.pid" (already exists|is empty)|pre-existing shared memory block/.test(log);
}
