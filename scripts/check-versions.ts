// Tries the promises at the core on each PostgreSQL, with the oldest and the newest drivers, from the packed packages.
// Usage: npm run check:versions [-- --postgres 13]
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startDatabases } from "./packages/databases.ts";
import { publicPackages } from "./packages/manifests.ts";
import { installProject, pack } from "./packages/npm.ts";
import { projectDependencies } from "./packages/pins.ts";
import { type Cell, printTable, printVerdict } from "./packages/results.ts";
import { installPostgres } from "./versions/embedded-servers.ts";
import { drivers, postgresVersions, refusedPostgres } from "./versions/pins.ts";
import { tryPromises } from "./versions/try-promises.ts";

const { values } = parseArgs({ options: { postgres: { type: "string" } } });
const wanted = Object.entries(postgresVersions).filter(([major]) => major === (values.postgres ?? major));
if (wanted.length === 0) throw new Error(`PostgreSQL ${values.postgres} is not among those that are tried.`);

const base = await realpath(await mkdtemp(join(tmpdir(), "versions-")));
const cells: Cell[] = [];
try {
  const projects = await installDrivers();
  for (const [major, version] of wanted) cells.push(...(await tryOn(major, version, projects)));
  cells.push(await tryRefused(projects.newest));
} finally {
  await rm(base, { recursive: true, force: true });
}
printTable("", cells);
printVerdict(cells);

async function installDrivers(): Promise<Record<keyof typeof drivers, string>> {
  const tarballs: Record<string, string> = {};
  for (const { manifest, folder } of publicPackages()) tarballs[manifest.name] = `file:${await pack(folder, base)}`;
  const projects = { oldest: join(base, "oldest"), newest: join(base, "newest") };
  for (const age of ["oldest", "newest"] as const) {
    const dependencies = { ...projectDependencies, ...drivers[age], ...tarballs };
    await installProject(projects[age], { name: age, dependencies });
  }
  return projects;
}

async function tryOn(major: string, version: string, projects: Record<keyof typeof drivers, string>): Promise<Cell[]> {
  await using databases = await startDatabases(await installPostgres(version));
  const tried: Cell[] = [];
  for (const age of ["oldest", "newest"] as const) {
    const { pg, knex } = drivers[age];
    for (const program of ["commit-truth", "worker-and-relay"]) {
      const { succeeded, output } = await tryPromises(projects[age], program, databases);
      const cell = { row: `PostgreSQL ${major}, ${program}`, column: `pg ${pg}, knex ${knex}` };
      tried.push({ ...cell, outcome: succeeded ? "passed" : "failed", details: output });
    }
  }
  return tried;
}

async function tryRefused(project: string): Promise<Cell> {
  await using databases = await startDatabases(await installPostgres(refusedPostgres));
  const { succeeded, output } = await tryPromises(project, "refusals", databases);
  const { pg, knex } = drivers.newest;
  const cell = { row: "PostgreSQL 12", column: `pg ${pg}, knex ${knex}` };
  return { ...cell, outcome: succeeded ? "refused" : "failed", details: output };
}
