import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import ts from "typescript";
import { type BlockModule, toBlockModule } from "../docs/block-module.ts";
import { fencesOf } from "../docs/markdown.ts";
import { read } from "../docs/repository.ts";
import { type ExportedNames, exportedNames, type NamedModule } from "./exported-names.ts";

export interface ReadmeDocument {
  /** Relative to the root of the repository. */
  readonly file: string;
  readonly world: "shop" | "shop-with-jobs";
}

export interface ReadmeProgram {
  readonly file: string;
  /** What runs them, one after the other. */
  readonly start: string;
  readonly sources: readonly string[];
  /** Each of them changes types for everything it is compiled with, so it is compiled alone. */
  readonly augmenting: readonly string[];
}

/**
 * Writes the examples of a document as modules, both as they are and without types, for a Node that does not know those.
 *
 * What a block neither declares nor imports comes from an earlier block, from the world, or from the packages.
 */
export async function writeReadme(
  project: string,
  document: ReadmeDocument,
  packages: readonly NamedModule[],
): Promise<ReadmeProgram> {
  const { file, world } = document;
  const folder = file.replaceAll(/[^a-z]+/gi, "-").toLowerCase();
  const place = join(project, folder);
  await mkdir(place, { recursive: true });
  for (const part of ["shop", world]) await writeModule(place, part, worldOf(part));
  const worldModule = { module: `./${world}.mjs`, file: `${folder}/${world}.mts` };

  const declared = new Map(exportedNames(project, packages, worldModule));
  const sources: string[] = [];
  const augmenting: string[] = [];
  const blocks = fencesOf(file).filter(({ info }) => info === "ts");
  for (const [index, { code }] of blocks.entries()) {
    const block = toBlockModule(withOurDatabase(code));
    const text = block.text((names) => importsOf(names, declared));
    (block.isAugmenting ? augmenting : sources).push(await writeModule(place, `block-${index}`, text));
    for (const [name, kind] of block.declared) declared.set(name, { module: `./block-${index}.mjs`, kind });
  }
  return { file, start: await writeStart(place, world, blocks.length), sources, augmenting };
}

function importsOf(names: Parameters<Parameters<BlockModule["text"]>[0]>[0], known: ExportedNames): string {
  return [...names]
    .flatMap((name) => {
      const origin = known.get(name);
      if (origin === undefined) return [];
      return [`import { ${origin.kind === "type" ? "type " : ""}${name} } from ${JSON.stringify(origin.module)};`];
    })
    .join(" ");
}

/** The parts of the world import each other as the sources of this repository do. */
function worldOf(part: string): string {
  return read(`scripts/packages/worlds/${part}.ts`).replaceAll(/(from "\.\/[\w-]+)\.ts"/g, '$1.mjs"');
}

/** Readers have a database of their own, too. */
function withOurDatabase(code: string): string {
  return code.replaceAll(/"postgres:\/\/[^"]*"/g, 'String(process.env["DATABASE_URL"])');
}

async function writeModule(place: string, name: string, text: string): Promise<string> {
  const source = join(place, `${name}.mts`);
  await writeFile(source, text);
  await writeFile(join(place, `${name}.mjs`), withoutTypes(text, ts.ModuleKind.ESNext));
  return source;
}

export function withoutTypes(text: string, module: ts.ModuleKind): string {
  return ts.transpileModule(text, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module, esModuleInterop: true },
  }).outputText;
}

async function writeStart(place: string, world: string, blockCount: number): Promise<string> {
  const start = join(place, "start.mjs");
  await writeFile(
    start,
    `import * as world from "./${world}.mjs";
import { close } from "./shop.mjs";
const modules = [world];
for (let index = 0; index < ${blockCount}; index += 1) {
  try { modules.push(await import(\`./block-\${index}.mjs\`)); }
  catch (error) { throw new Error(\`Example \${index + 1} of ${blockCount} failed.\`, { cause: error }); }
}
await close(modules.flatMap((module) => Object.values(module)));
`,
  );
  return start;
}
