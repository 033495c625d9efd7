import { existsSync } from "node:fs";
import { join } from "node:path";
import { read, root } from "../docs/repository.ts";
import type { Databases } from "./databases.ts";
import type { NamedModule } from "./exported-names.ts";
import { claims, type PublicPackage } from "./manifests.ts";
import { entriesOf, type PackedPackage, type Project } from "./project.ts";
import { type ReadmeDocument, type ReadmeProgram, writeReadme } from "./readme.ts";
import type { Cell } from "./results.ts";
import { run } from "./run.ts";
import { type Runtime, runtimesOf } from "./runtimes.ts";
import type { Tools } from "./tools.ts";
import { readmeTypes, type TypeTrial } from "./types.ts";

export interface ReadmeTrials {
  readonly tasks: (() => Promise<Cell>)[];
  readonly types: TypeTrial[];
}

interface Place {
  readonly packages: readonly PackedPackage[];
  readonly databases: Databases;
  readonly tools: Tools;
  readonly esm: Project;
}

interface Document extends ReadmeDocument {
  /** What it says runs where all of these do. */
  readonly needs: readonly PublicPackage[];
}

/** Runs the examples of each README, one after the other as a reader would, and compiles them. */
export async function readmeTrials({ packages, databases, tools, esm }: Place): Promise<ReadmeTrials> {
  const modules = packages.flatMap((one) => modulesOf(esm, one));
  const tasks: (() => Promise<Cell>)[] = [];
  const types: TypeTrial[] = [];
  for (const document of documentsOf(packages)) {
    const program = await writeReadme(esm.folder, document, modules);
    for (const runtime of runtimesOf(tools))
      tasks.push(() => runReadme(program, document, { runtime, databases, esm }));
    types.push(...(await readmeTypes(esm, program)));
  }
  return { tasks, types };
}

export function documentsOf(packages: readonly PublicPackage[]): Document[] {
  const ofPackages = packages
    // Decorators need another compiler, and an application of NestJS a platform and a port; docs:check compiles them.
    .filter(({ folder, shortName }) => shortName !== "nestjs" && existsSync(join(folder, "README.md")))
    .map((one): Document => {
      const world = one.shortName === "domain-events" ? "shop" : "shop-with-jobs";
      const needs = world === "shop" ? [one] : packages;
      return { file: `packages/${one.shortName}/README.md`, world, needs };
    });
  const ofAll: Document = { file: "README.md", world: "shop-with-jobs", needs: packages };
  return existsSync(join(root, ofAll.file)) ? [...ofPackages, ofAll] : ofPackages;
}

export function modulesOf(project: Pick<Project, "hasVitest">, one: PublicPackage): NamedModule[] {
  const { name, exports } = one.manifest;
  return entriesOf(project, one).flatMap((entry) => {
    const target = exports[`.${entry.slice(name.length)}`] as { import?: { types?: string } } | undefined;
    const types = target?.import?.types;
    return types === undefined ? [] : [{ module: entry, file: join("node_modules", name, types) }];
  });
}

interface Where {
  readonly runtime: Runtime;
  readonly databases: Databases;
  readonly esm: Project;
}

async function runReadme(program: ReadmeProgram, { needs }: Document, where: Where): Promise<Cell> {
  const { runtime, databases, esm } = where;
  const cell = { row: program.file, column: runtime.name };
  const { node } = runtime;
  if (node !== undefined && needs.some((one) => !claims(one, node))) return { ...cell, outcome: "unclaimed" };
  // Bun has node:test only in files that its own test runner runs.
  if (runtime.name === "Bun" && read(program.file).includes('"node:test"')) return { ...cell, outcome: "unclaimed" };
  const env = { DATABASE_URL: await databases.create() };
  const command = [...runtime.command, program.start];
  const { succeeded, output } = await run(command, { cwd: esm.folder, env, timeoutMs: 90_000 });
  return { ...cell, outcome: succeeded ? "passed" : "failed", details: output };
}
