import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PackedPackage, Project } from "./project.ts";
import { run } from "./run.ts";
import { plainTrial, type Trial } from "./runtimes.ts";
import type { Tools } from "./tools.ts";

/** An application in one file, as for a container or a function; its drivers stay outside, as is usual. */
export async function bundledTrial(project: Project, tried: PackedPackage, tools: Tools): Promise<Trial> {
  const { start } = await plainTrial(project, tried);
  const file = `bundle-${tried.shortName}.mjs`;
  const external = ["pg", "knex", "graphile-worker", "vitest", "@nestjs/*"].map((name) => `--external:${name}`);
  const settings = [
    "--bundle",
    "--platform=node",
    "--format=esm",
    "--target=node20",
    "--log-level=warning",
    ...external,
  ];
  const bundling = [...tools.esbuild, start, ...settings, `--outfile=${file}`];
  const { succeeded, output } = await run(bundling, { cwd: project.folder });
  // What cannot be bundled cannot be run either, and says why.
  if (!succeeded) await writeFile(join(project.folder, file), `throw new Error(${JSON.stringify(output)});`);
  return { row: `${tried.manifest.name}, bundled`, project, tried, start: file };
}
