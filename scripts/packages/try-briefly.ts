import type { Databases } from "./databases.ts";
import { createProject, type PackedPackage } from "./project.ts";
import { type Cell, printTable, runAll } from "./results.ts";
import { plainTrial, type Runtime, tryOn } from "./runtimes.ts";

/** One ESM and one CommonJS project, on the Node that runs this. */
export async function tryBriefly(
  base: string,
  packages: readonly PackedPackage[],
  databases: Databases,
): Promise<Cell[]> {
  const runtime: Runtime = { name: `Node ${process.versions.node}`, command: [process.execPath] };
  const projects = await Promise.all(
    (["esm", "cjs"] as const).map((format) => createProject(base, packages, { format })),
  );
  const tasks = projects.flatMap((project) =>
    packages.map((tried) => async () => tryOn(runtime, await plainTrial(project, tried), databases)),
  );
  const cells = await runAll(tasks);
  printTable("packed and installed", cells);
  return cells;
}
