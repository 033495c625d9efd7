import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Check } from "./finding.ts";
import { filesMatching, read, root } from "./repository.ts";

/** One thing that can be imported from a package. */
export interface PackageEntry {
  /** Such as `@acme/domain-events/knex`. */
  readonly specifier: string;
  /** The built declarations, relative to the root. */
  readonly types: string;
  /** The source they are built from, relative to the root. */
  readonly source: string;
}

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly import: { readonly types: string } }>>;
}

/** What the packages export, as their manifests say. */
export function packageEntries(): PackageEntry[] {
  return filesMatching("packages/*/package.json").flatMap((file) => {
    const folder = file.replace("/package.json", "");
    const { name, exports } = JSON.parse(read(file)) as Manifest;
    return Object.entries(exports).flatMap(([subpath, target]) => {
      if (typeof target === "string") return [];
      const source = sourceOf(folder, subpath);
      return [{ specifier: join(name, subpath), types: join(folder, target.import.types), source }];
    });
  });
}

/** Without the built packages, every example would fail, and none for its own fault. */
export function missingBuilds(): Check[] {
  return packageEntries()
    .filter(({ types }) => !existsSync(join(root, types)))
    .map(({ types }) => [{ file: types, line: 1, message: "is not built. Run `npm run build` first." }]);
}

function sourceOf(folder: string, subpath: string): string {
  const name = subpath === "." ? "index" : subpath.slice(2);
  const file = `${folder}/src/${name}.ts`;
  return existsSync(join(root, file)) ? file : `${folder}/src/${name}/index.ts`;
}
