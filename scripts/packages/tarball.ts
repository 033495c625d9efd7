import type { PackedPackage } from "./project.ts";
import { linkFindings, repositoryUrl } from "./repository-links.ts";
import type { Cell } from "./results.ts";
import { fileIn, filesIn } from "./read-tarball.ts";
import { sourceMapFindings } from "./source-maps.ts";

/** What can be said of a package without installing it: its entries, its links, its source maps. */
export function checkTarball(packed: PackedPackage): Cell[] {
  const { name } = packed.manifest;
  const findings = {
    exports: entryFindings(packed),
    links: allLinkFindings(packed),
    "source maps": sourceMapFindings(packed.tarball),
  };
  return Object.entries(findings).map(([column, details]) => ({
    row: name,
    column,
    outcome: details.length === 0 ? "passed" : "failed",
    details: details.join("\n"),
  }));
}

function entryFindings({ manifest, entries, tarball }: PackedPackage): string[] {
  const { exports } = JSON.parse(fileIn(tarball, "package.json")) as { exports: Record<string, unknown> };
  const exported = Object.keys(exports)
    .filter((subpath) => subpath !== "./package.json")
    .map((subpath) => manifest.name + subpath.slice(1));
  const missing = entries.filter((entry) => !exported.includes(entry));
  const unreported = exported.filter((entry) => !entries.includes(entry));
  return [
    ...missing.map((entry) => `${entry} has an API report, and exports does not name it.`),
    ...unreported.map((entry) => `${entry} is exported, and has no API report. Run npm run api.`),
  ];
}

/** npm shows the README and these three; the documents of the version are read in node_modules. */
function allLinkFindings({ manifest, shortName, tarball }: PackedPackage): string[] {
  const listed = filesIn(tarball);
  const files = new Set(listed);
  const documents = listed.filter((file) => file.endsWith(".md"));
  const { repository, homepage, bugs } = manifest;
  const said = [
    ...(repository?.url === `git+${repositoryUrl}.git` && repository.directory === `packages/${shortName}`
      ? []
      : [`repository is not git+${repositoryUrl}.git with the directory packages/${shortName}.`]),
    ...(homepage?.startsWith(repositoryUrl) === true ? [] : ["homepage leads elsewhere, or is missing."]),
    ...(bugs?.url === `${repositoryUrl}/issues` ? [] : [`bugs.url is not ${repositoryUrl}/issues.`]),
    ...(files.has("docs/errors.md") ? [] : ["The documents of the version are not in the tarball: see prepack."]),
  ];
  return [...said, ...documents.flatMap((file) => linkFindings(file, fileIn(tarball, file), files))];
}
