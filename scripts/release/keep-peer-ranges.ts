// Run after `changeset version`, in the root. A prerelease is outside of every range that does not name its very numbers, so
// changesets replaces the range by one that nobody has chosen, without an end, and keeps that when the prereleases are over.
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly peerDependencies?: Record<string, string>;
}

const files = globSync("packages/*/package.json");
const manifests = files.map((file) => JSON.parse(readFileSync(file, "utf8")) as Manifest);
const versions = new Map(manifests.map(({ name, version }) => [name, version]));

for (const [index, file] of files.entries()) {
  const manifest = manifests[index];
  const before = JSON.parse(
    execFileSync("git", ["show", `HEAD:${file.replaceAll("\\", "/")}`], { encoding: "utf8" }),
  ) as Manifest;
  for (const [name, range] of Object.entries(before.peerDependencies ?? {})) {
    const version = versions.get(name);
    if (version === undefined || manifest?.peerDependencies === undefined) continue;
    manifest.peerDependencies[name] = rangeFor(range, version);
  }
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The range that was chosen, and the prereleases of one version while there are some. */
function rangeFor(range: string, version: string): string {
  const [chosen = range] = range.split(" || ");
  const [released] = version.split("-");
  return version === released ? chosen : `${chosen} || >=${version} <${released}`;
}
