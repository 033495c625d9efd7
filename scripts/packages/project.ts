import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import ts from "typescript";
import { read } from "../docs/repository.ts";
import { isForVitest, type PublicPackage } from "./manifests.ts";
import { type Dependencies, installProject } from "./npm.ts";
import { projectDependencies } from "./pins.ts";
import { withoutTypes } from "./readme.ts";

export type Format = "esm" | "cjs";

/** A package with its tarball. */
export interface PackedPackage extends PublicPackage {
  readonly tarball: string;
  /** Which names `smokes/<package>.ts` wants for which modules; `undefined` if the package has none. */
  readonly specifiers: Readonly<Record<string, string>> | undefined;
}

export interface Project {
  readonly folder: string;
  readonly format: Format;
  readonly hasVitest: boolean;
}

export interface ProjectOptions {
  readonly format: Format;
  /** The test runner it has, as a dependency. */
  readonly runner?: Dependencies;
}

/** An empty project of a stranger, with the packages installed from their tarballs, and what their users have beside them. */
export async function createProject(
  base: string,
  packages: readonly PackedPackage[],
  { format, runner = {} }: ProjectOptions,
): Promise<Project> {
  const folder = await mkdtemp(join(base, `${[...Object.keys(runner), format].join("-")}-`));
  const tarballs = Object.fromEntries(packages.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`]));
  const dependencies = { ...projectDependencies, ...peersOf(packages), ...runner, ...tarballs };
  await installProject(folder, { name: "stranger", type: format === "esm" ? "module" : "commonjs", dependencies });
  return { folder, format, hasVitest: "vitest" in runner };
}

/** The version that a package is developed with stands for its peer. */
function peersOf(packages: readonly PackedPackage[]): Dependencies {
  const peers = packages.flatMap(({ manifest: { peerDependencies = {}, devDependencies = {} } }) =>
    [...Object.keys(peerDependencies), "@types/pg"].flatMap((name) => {
      const version = devDependencies[name];
      return version === undefined || name.startsWith("@acme/") ? [] : [[name, version] as const];
    }),
  );
  return Object.fromEntries(peers.filter(([name]) => name !== "vitest"));
}

/** What can be imported without a test runner, or under this project's. */
export function entriesOf({ hasVitest }: Pick<Project, "hasVitest">, { entries }: PublicPackage): string[] {
  return entries.filter((entry) => hasVitest || !isForVitest(entry));
}

/** Writes what imports every entry of a package and then uses it, and returns the name of the file. */
export async function writeTrial(project: Project, tried: PackedPackage): Promise<string> {
  const { folder, format } = project;
  const extension = format === "esm" ? "mjs" : "cjs";
  const entries = entriesOf(project, tried);
  const load = (specifier: string, index: number): string =>
    format === "esm"
      ? `import * as module${index} from ${JSON.stringify(specifier)};`
      : `const module${index} = require(${JSON.stringify(specifier)});`;
  const others = Object.values(tried.specifiers ?? {}).filter((specifier) => !entries.includes(specifier));
  const loaded = [...entries, ...others];
  const named = Object.entries(tried.specifiers ?? {}).map(([name, specifier]) => {
    return `${name}: module${loaded.indexOf(specifier)}`;
  });
  if (tried.specifiers !== undefined) await writeSmoke(project, tried.shortName);

  const smoke = `./smoke-${tried.shortName}.${extension}`;
  const start = format === "esm" ? `await import("${smoke}")` : `require("${smoke}")`;
  const text = `${loaded.map((specifier, index) => load(specifier, index)).join("\n")}
const exported = { ${entries.map((entry, index) => `${JSON.stringify(entry)}: Object.keys(module${index})`).join(", ")} };
for (const [entry, names] of Object.entries(exported)) {
  if (!entry.endsWith("/vitest") && names.length === 0) throw new Error(entry + " exports nothing.");
}
const modules = { ${named.join(", ")} };
async function trial() {
  ${tried.specifiers === undefined ? "" : `await (${start}).smoke(modules, process.env.DATABASE_URL);`}
}
async function refusal() {
  ${tried.specifiers === undefined ? "" : `return (${start}).refusal?.(modules);`}
}
${format === "esm" ? "export { exported, refusal, trial };" : "module.exports = { exported, refusal, trial };"}
`;
  await writeFile(join(folder, `trial-${tried.shortName}.${extension}`), text);
  return `./trial-${tried.shortName}.${extension}`;
}

async function writeSmoke({ folder, format }: Project, shortName: string): Promise<void> {
  const kind = format === "esm" ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS;
  const text = withoutTypes(read(`scripts/packages/smokes/${shortName}.ts`), kind);
  await writeFile(join(folder, `smoke-${shortName}.${format === "esm" ? "mjs" : "cjs"}`), text);
}
