import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { typescriptVersions } from "./pins.ts";
import { entriesOf, type PackedPackage, type Project } from "./project.ts";
import type { ReadmeProgram } from "./readme.ts";
import type { Cell } from "./results.ts";
import { run } from "./run.ts";
import type { Tools } from "./tools.ts";

export interface TypeTrial {
  readonly row: string;
  readonly project: Project;
  /** The file with the compiler's settings. */
  readonly config: string;
}

/** Every entry as a type, with every declaration checked. */
export async function entryTypes(
  project: Project,
  tried: PackedPackage,
  resolution: "nodenext" | "bundler",
): Promise<TypeTrial> {
  const isModule = project.format === "esm";
  const lines = entriesOf(project, tried).map((entry, index) =>
    isModule
      ? `import * as module${index} from "${entry}"; export type T${index} = keyof typeof module${index};`
      : `import module${index} = require("${entry}"); export type T${index} = keyof typeof module${index};`,
  );
  const source = `types-${tried.shortName}.${isModule ? "mts" : "cts"}`;
  await writeFile(join(project.folder, source), lines.join("\n"));
  const name = `${tried.manifest.name}, types, ${resolution === "bundler" ? "bundler" : `NodeNext ${project.format}`}${project.hasVitest ? ", beside vitest" : ""}`;
  return writeConfig(project, { row: name, files: [source], resolution });
}

export function readmeTypes(project: Project, readme: ReadmeProgram): Promise<TypeTrial[]> {
  const together = { row: `${readme.file}, types`, files: readme.sources };
  const alone = readme.augmenting.map((source, index) => ({
    row: `${readme.file}, types, block ${index + 1} that adds to them`,
    files: [source],
  }));
  return Promise.all([together, ...alone].map((what) => writeConfig(project, { ...what, resolution: "nodenext" })));
}

interface Config {
  readonly row: string;
  readonly files: readonly string[];
  readonly resolution: "nodenext" | "bundler";
}

async function writeConfig(project: Project, { row, files, resolution }: Config): Promise<TypeTrial> {
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    module: resolution === "bundler" ? "esnext" : "nodenext",
    moduleResolution: resolution,
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    // The declarations of vitest are vitest's affair.
    skipLibCheck: project.hasVitest,
    noEmit: true,
  };
  const config = `tsconfig.${row.replaceAll(/[^a-z0-9]+/gi, "-").toLowerCase()}.json`;
  await writeFile(join(project.folder, config), JSON.stringify({ compilerOptions, files }));
  return { row, project, config };
}

export function typeTasks(trials: readonly TypeTrial[], tools: Tools): (() => Promise<Cell>)[] {
  return trials.flatMap(({ row, project, config }) =>
    Object.keys(typescriptVersions).map((version) => async (): Promise<Cell> => {
      const cell = { row, column: `TS ${version}` };
      const { succeeded, output } = await run([...tools.tsc(version), "-p", config], { cwd: project.folder });
      return { ...cell, outcome: succeeded ? "passed" : "failed", details: output };
    }),
  );
}
