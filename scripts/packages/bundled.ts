import { join } from "node:path";
import type { PackedPackage, Project } from "./project.ts";
import { runOrThrow } from "./run.ts";
import { plainTrial, type Trial } from "./runtimes.ts";
import type { Tools } from "./tools.ts";

/** An application in one file, as for a container or a function; its drivers stay outside, as is usual. */
export async function bundledTrial(project: Project, tried: PackedPackage, tools: Tools): Promise<Trial> {
  const { start } = await plainTrial(project, tried);
  const file = `bundle-${tried.shortName}.mjs`;
  const external = ["pg", "knex", "graphile-worker", "vitest"].map((name) => `--external:${name}`);
  const settings = [
    "--bundle",
    "--platform=node",
    "--format=esm",
    "--target=node20",
    "--log-level=warning",
    ...external,
  ];
  await runOrThrow([...tools.esbuild, start, ...settings, `--outfile=${file}`], { cwd: join(project.folder) });
  return { row: `${tried.manifest.name}, bundled`, project, tried, start: file };
}
