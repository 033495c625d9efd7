// Packs every public package, installs the tarballs in the projects of strangers, and tries them on each runtime.
// Usage: npm run check:packages [-- --on "Node 22"] [-- --brief]; brief: one ESM and one CommonJS project, on this Node alone.
import { existsSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./docs/repository.ts";
import { startDatabases } from "./packages/databases.ts";
import { publicPackages } from "./packages/manifests.ts";
import { pack } from "./packages/npm.ts";
import type { PackedPackage } from "./packages/project.ts";
import { printTable, printVerdict } from "./packages/results.ts";
import { checkTarball } from "./packages/tarball.ts";
import { tryAll } from "./packages/try-all.ts";
import { tryBriefly } from "./packages/try-briefly.ts";

const startedAt = performance.now();
const base = await realpath(await mkdtemp(join(tmpdir(), "packages-")));
try {
  await using databases = await startDatabases();
  const packages = await Promise.all(publicPackages().map((found) => packed(found, base)));
  const attempt = process.argv.includes("--brief") ? tryBriefly : tryAll;
  const tarballs = packages.flatMap(checkTarball);
  printTable("tarballs", tarballs);
  const cells = [...tarballs, ...(await attempt(base, packages, databases))];
  printVerdict(cells);
} finally {
  await rm(base, { recursive: true, force: true });
}
console.log(`in ${Math.round((performance.now() - startedAt) / 1000)} s`);

async function packed(found: ReturnType<typeof publicPackages>[number], folder: string): Promise<PackedPackage> {
  const smoke = join(root, "scripts/packages/smokes", `${found.shortName}.ts`);
  const loaded = existsSync(smoke)
    ? ((await import(pathToFileURL(smoke).href)) as { specifiers: Record<string, string> })
    : undefined;
  return { ...found, tarball: await pack(found.folder, folder), specifiers: loaded?.specifiers };
}
