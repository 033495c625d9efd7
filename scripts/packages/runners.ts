import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Databases } from "./databases.ts";
import { claims } from "./manifests.ts";
import { jestVersion } from "./pins.ts";
import { createProject, type PackedPackage, type Project, writeTrial } from "./project.ts";
import type { Cell } from "./results.ts";
import { run } from "./run.ts";
import type { Runtime, Trial } from "./runtimes.ts";

export interface Runner {
  readonly name: string;
  readonly project: Project;
  /** What runs the test file of a package, after the Node to run it on. */
  command(file: string): readonly string[];
  /** The import of `test`, unless it is a global. */
  readonly importsTest: string;
}

export async function createRunners(base: string, packages: readonly PackedPackage[]): Promise<Runner[]> {
  const vitestVersion = packages.flatMap(({ manifest }) => manifest.devDependencies?.["vitest"] ?? [])[0] ?? "5.1.0";
  const [jest, vitest] = await Promise.all([
    createProject(base, packages, { format: "cjs", runner: { jest: jestVersion } }),
    createProject(base, packages, { format: "esm", runner: { vitest: vitestVersion } }),
  ]);
  // Nothing but what Jest does by itself: no transform, no --experimental-vm-modules.
  await writeFile(
    join(jest.folder, "jest.config.cjs"),
    `module.exports = { transform: {}, testMatch: ["**/*.test.cjs"], globalSetup: "@acme/test-database/jest" };`,
  );
  await writeFile(
    join(vitest.folder, "vitest.config.mjs"),
    `export default { test: { globalSetup: ["@acme/test-database/vitest"] } };`,
  );
  return [
    {
      name: "Jest (CommonJS)",
      project: jest,
      command: (file) => [from(jest, "jest/bin/jest.js"), "--watchman=false", "--ci", file],
      importsTest: "",
    },
    {
      name: "vitest",
      project: vitest,
      command: (file) => [from(vitest, "vitest/vitest.mjs"), "run", file],
      importsTest: `import { test } from "vitest";`,
    },
  ];
}

function from({ folder }: Project, program: string): string {
  return join(folder, "node_modules", program);
}

/** What the test runner of Node needs is there in any project. */
export function nodeTestRunner(project: Project): Runner {
  return {
    name: "node:test",
    project,
    command: (file) => ["--test", file],
    importsTest: `import { test } from "node:test";`,
  };
}

/** Under a test runner the same as without: every entry, and what a stranger tries first. */
export async function writeTest({ name, project, importsTest }: Runner, tried: PackedPackage): Promise<Trial> {
  const trial = await writeTrial(project, tried);
  const isModule = project.format === "esm";
  const start = `${tried.shortName}.test.${isModule ? "mjs" : "cjs"}`;
  const load = isModule ? `import { trial } from "${trial}";` : `const { trial } = require("${trial}");`;
  const body = `test("the trial", () => trial(), 30_000);`.replace(
    ", 30_000",
    isModule && name !== "vitest" ? "" : ", 30_000",
  );
  await writeFile(join(project.folder, start), `${importsTest}\n${load}\n${body}\n`);
  return { row: `${tried.manifest.name}, ${name}`, project, tried, start };
}

export async function tryUnder(
  runner: Runner,
  trial: Trial,
  on: { runtime: Runtime; databases: Databases },
): Promise<Cell> {
  const { runtime, databases } = on;
  const cell = { row: trial.row, column: runtime.name };
  if (runtime.node === undefined || !claims(trial.tried, runtime.node)) return { ...cell, outcome: "unclaimed" };
  const env = { DATABASE_URL: await databases.create() };
  const command = [...runtime.command, ...runner.command(trial.start)];
  const { succeeded, output } = await run(command, { cwd: trial.project.folder, env, timeoutMs: 90_000 });
  return { ...cell, outcome: succeeded ? "passed" : "failed", details: output };
}
