import { basename, join } from "node:path";
import { filesMatching, read, root } from "../docs/repository.ts";

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly engines?: { readonly node?: string };
  readonly exports: Readonly<Record<string, unknown>>;
  readonly repository?: { readonly url: string; readonly directory?: string };
  readonly homepage?: string;
  readonly bugs?: { readonly url: string };
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface PublicPackage {
  readonly manifest: Manifest;
  /** Absolute. */
  readonly folder: string;
  /** The name of its folder, such as `jobs`. */
  readonly shortName: string;
  /** What a user imports, such as `@acme/jobs/testing`. The API reports say it, so that a lost entry is missed. */
  readonly entries: readonly string[];
}

export function publicPackages(): PublicPackage[] {
  return filesMatching("packages/*/package.json").flatMap((file) => {
    const manifest = JSON.parse(read(file)) as Manifest;
    if (manifest.private === true) return [];
    const folder = file.replace("/package.json", "");
    const entries = filesMatching(`${folder}/api/*.api.md`).map((report) => entryOf(manifest.name, report));
    return [{ manifest, folder: join(root, folder), shortName: basename(folder), entries }];
  });
}

function entryOf(name: string, report: string): string {
  const entry = basename(report, ".api.md");
  return entry === "index" ? name : `${name}/${entry}`;
}

/** An entry for a test runner can only be imported under it. */
export function isForVitest(entry: string): boolean {
  return /\/(?:conformance|vitest)$/.test(entry);
}

/** A package that only tests use. */
export function isForTests({ shortName }: PublicPackage): boolean {
  return shortName === "test-database";
}

/** Whether a package claims to run on this Node: its range is always `>=`. */
export function claims({ manifest }: PublicPackage, node: string): boolean {
  const [, oldest] = /^>=(\d+(?:\.\d+)*)$/.exec(manifest.engines?.node ?? "") ?? [];
  if (oldest === undefined) throw new Error(`${manifest.name} does not say from which Node on it runs.`);
  return compareVersions(node, oldest) >= 0;
}

export function compareVersions(left: string, right: string): number {
  const [one, other] = [left, right].map((version) => version.split(".").map(Number)) as [number[], number[]];
  for (let index = 0; index < 3; index += 1) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
