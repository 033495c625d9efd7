import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fencesOf } from "../docs/markdown.ts";
import type { Databases } from "../packages/databases.ts";
import { publicPackages } from "../packages/manifests.ts";
import { documentsOf, modulesOf } from "../packages/readme-trials.ts";
import { writeReadme } from "../packages/readme.ts";
import { runOrThrow } from "../packages/run.ts";

/** Runs the examples of the READMEs in a project that has the packages, and returns how many there were. */
export async function readExamples(folder: string, databases: Databases): Promise<number> {
  const packages = publicPackages();
  const modules = packages.flatMap((one) => modulesOf({ hasVitest: false }, one));
  let count = 0;
  for (const document of documentsOf(packages)) {
    const { start } = await writeReadme(folder, document, modules);
    await runOrThrow([process.execPath, start], { cwd: folder, env: { DATABASE_URL: await databases.create() } });
    count += fencesOf(document.file).filter(({ info }) => info === "ts").length;
  }
  for (const { manifest } of packages) assertDocs(folder, manifest.name);
  return count;
}

/** The README is what npm shows. */
function assertDocs(folder: string, name: string): void {
  if (!readFileSync(join(folder, "node_modules", name, "README.md"), "utf8").startsWith(`# ${name}`)) {
    throw new Error(`${name} has lost its README.`);
  }
}
