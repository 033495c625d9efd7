// Usage: node scripts/check-lock.ts [package-lock.json]
// Where the registry lacks one platform's package, npm writes a lock without it, and `npm ci` of that platform refuses it.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly version?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const file = process.argv[2] ?? join(import.meta.dirname, "../package-lock.json");
const { packages } = JSON.parse(readFileSync(file, "utf8")) as Lock;

const wanted = Object.entries(packages).flatMap(([folder, { version, optionalDependencies = {} }]) =>
  Object.entries(optionalDependencies).map(([name, range]) => ({ folder, version, name, range })),
);
const missing = wanted.filter(({ folder, name }) => !isLocked(name, folder));

for (const { folder, version, name, range } of missing) {
  const owner = folder === "" ? "the root" : `${folder.replace(/^.*node_modules\//, "")}@${version}`;
  console.log(
    `package-lock.json has no entry for ${name}@${range}, an optional dependency of ${owner}: npm ci would refuse it. ` +
      `Pin ${owner} to a version whose packages exist for every platform, and install again.`,
  );
}
console.log(`${wanted.length - missing.length} passed, ${missing.length} failed`);
if (missing.length > 0) process.exitCode = 1;

/** Looks where Node would: beside the package, then in each folder above it. */
function isLocked(name: string, folder: string): boolean {
  const place = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
  if (place in packages) return true;
  if (folder === "") return false;
  const above = dirname(folder);
  return isLocked(name, above === "." ? "" : above);
}
