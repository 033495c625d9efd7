import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Databases } from "./databases.ts";
import { claims, isForTests } from "./manifests.ts";
import { nodeVersions } from "./pins.ts";
import { type PackedPackage, type Project, writeTrial } from "./project.ts";
import type { Cell } from "./results.ts";
import { run } from "./run.ts";
import type { Tools } from "./tools.ts";

export interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
  /** The version, if it is Node: packages claim only some of those. */
  readonly node?: string;
}

/** `--on "Node 22"` tries one line of Node alone, as each job of the workflow does. */
export const only = parseArgs({ options: { on: { type: "string" }, brief: { type: "boolean" } } }).values.on ?? "";

export function runtimesOf(tools: Tools): Runtime[] {
  const nodes = nodeVersions.map((node) => ({ name: `Node ${node}`, command: [tools.node(node)], node }));
  // Deno would look for a lock file, and ask for rights that Node gives.
  const deno = [tools.deno, "run", "--allow-all", "--no-lock", "--node-modules-dir=manual"];
  const all = [...nodes, { name: "Bun", command: [tools.bun] }, { name: "Deno", command: deno }];
  const wanted = all.filter(({ name }) => name.startsWith(only));
  if (wanted.length === 0) throw new Error(`There is no runtime ${only} among those that are tried.`);
  return wanted;
}

export interface Trial {
  readonly row: string;
  readonly project: Project;
  readonly tried: PackedPackage;
  /** Runs the trial; relative to the project. */
  readonly start: string;
  /** Arguments between the runtime and the file. */
  readonly options?: readonly string[];
}

/** Every entry imported, and the package used, on a database of its own. */
export async function plainTrial(project: Project, tried: PackedPackage): Promise<Trial> {
  const trial = await writeTrial(project, tried);
  const isModule = project.format === "esm";
  const start = `start-${tried.shortName}.${isModule ? "mjs" : "cjs"}`;
  const load = isModule
    ? `import { refusal, trial } from "${trial}";`
    : `const { refusal, trial } = require("${trial}");`;
  const body = `(process.env.IS_REFUSED ? refusal().then((code) => console.log("refused:", code)) : trial())
  .catch((error) => { console.error(error); process.exitCode = 1; });`;
  await writeFile(join(project.folder, start), `${load}\n${body}\n`);
  return { row: `${tried.manifest.name}, ${isModule ? "ESM" : "CommonJS"}`, project, tried, start };
}

export async function tryOn(runtime: Runtime, trial: Trial, databases: Databases): Promise<Cell> {
  const { row, project, tried, start, options = [] } = trial;
  const cell = { row, column: runtime.name };
  const isClaimed = runtime.node === undefined || claims(tried, runtime.node);
  // Bun ends its tests, but no process that has a child with a channel.
  if (runtime.name === "Bun" && isForTests(tried)) return { ...cell, outcome: "unclaimed" };
  if (!isClaimed && options.length > 0) return { ...cell, outcome: "unclaimed" };

  const env = isClaimed ? { DATABASE_URL: await databases.create() } : { IS_REFUSED: "yes" };
  const command = [...runtime.command, ...options, start];
  const { succeeded, output } = await run(command, { cwd: project.folder, env, timeoutMs: 60_000 });
  if (isClaimed) return { ...cell, outcome: succeeded ? "passed" : "failed", details: output };
  return { ...cell, outcome: refusalIn(output), details: output };
}

/** A package that its Node is too old for has to say so; npm says it of all, but only as a warning. */
function refusalIn(output: string): Cell["outcome"] {
  const [, code] = /refused: (\S+)/.exec(output) ?? [];
  if (code === "undefined") return "unclaimed";
  return code === "NODE_UNSUPPORTED" ? "refused" : "failed";
}
