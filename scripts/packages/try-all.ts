import { bundledTrial } from "./bundled.ts";
import type { Databases } from "./databases.ts";
import { isForTests } from "./manifests.ts";
import { createProject, type PackedPackage, type Project } from "./project.ts";
import { readmeTrials } from "./readme-trials.ts";
import { type Cell, printTable, runAll } from "./results.ts";
import { createRunners, nodeTestRunner, type Runner, tryUnder, writeTest } from "./runners.ts";
import { only, plainTrial, type Runtime, runtimesOf, tryOn } from "./runtimes.ts";
import { installTools, type Tools } from "./tools.ts";
import { entryTypes, type TypeTrial, typeTasks } from "./types.ts";

interface Place {
  readonly packages: readonly PackedPackage[];
  readonly databases: Databases;
  readonly tools: Tools;
  readonly esm: Project;
  readonly cjs: Project;
}

export async function tryAll(base: string, packages: readonly PackedPackage[], databases: Databases): Promise<Cell[]> {
  const tools = await installTools();
  const [esm, cjs] = await Promise.all([
    createProject(base, packages, { format: "esm" }),
    createProject(base, packages, { format: "cjs" }),
  ]);
  const place = { packages, databases, tools, esm, cjs };
  const runners = [nodeTestRunner(esm), ...(await createRunners(base, packages))];

  const used = await runAll(await runtimeTasks(place));
  printTable("imported and used", used);
  const tested = await runAll(await runnerTasks(place, runners));
  printTable("under test runners", tested);
  const readmes = await readmeTrials(place);
  const read = await runAll(readmes.tasks);
  printTable("examples of README files", read);
  // Compilers run on one Node, whatever is tried.
  const types = only === "" || only === "Node 26" ? [...(await typesOf(place, runners)), ...readmes.types] : [];
  const compiled = await runAll(typeTasks(types, tools));
  printTable("types", compiled);
  return [...used, ...tested, ...read, ...compiled];
}

async function runtimeTasks({ packages, databases, tools, esm, cjs }: Place): Promise<(() => Promise<Cell>)[]> {
  const trials = [];
  for (const tried of packages) {
    trials.push(await plainTrial(esm, tried), await plainTrial(cjs, tried));
    // Nobody bundles tests, and this one starts files of its own.
    if (!isForTests(tried)) trials.push(await bundledTrial(esm, tried, tools));
  }
  return trials.flatMap((trial) => runtimesOf(tools).map((runtime) => () => tryOn(runtime, trial, databases)));
}

async function runnerTasks(
  { packages, databases, tools }: Place,
  runners: readonly Runner[],
): Promise<(() => Promise<Cell>)[]> {
  const tasks: (() => Promise<Cell>)[] = [];
  for (const runner of runners) {
    for (const tried of packages) {
      const trial = await writeTest(runner, tried);
      for (const runtime of runtimesOf(tools).filter(isForRunners)) {
        tasks.push(() => tryUnder(runner, trial, { runtime, databases }));
      }
    }
  }
  return tasks;
}

/** Jest and vitest have claims of their own; they are tried where both have. */
function isForRunners({ node }: Runtime): boolean {
  return node !== undefined && !node.startsWith("20.") && node !== "22.18.0";
}

function typesOf({ packages, esm, cjs }: Place, runners: readonly Runner[]): Promise<TypeTrial[]> {
  const beside = runners.filter(({ project }) => project.hasVitest).map(({ project }) => project);
  return Promise.all(
    packages.flatMap((tried) => [
      entryTypes(esm, tried, "nodenext"),
      entryTypes(cjs, tried, "nodenext"),
      entryTypes(esm, tried, "bundler"),
      ...beside.map((project) => entryTypes(project, tried, "nodenext")),
    ]),
  );
}
