import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../docs/repository.ts";
import { installProject } from "./npm.ts";
import { bunVersion, denoVersion, esbuildVersion, nodeVersions, typescriptVersions } from "./pins.ts";

const nodeProgram = process.platform === "win32" ? "node.exe" : "node";

export interface Tools {
  /** The program of a Node version. */
  readonly node: (version: string) => string;
  /** The command of a compiler, to be run by a recent Node. */
  readonly tsc: (version: string) => readonly string[];
  readonly esbuild: readonly string[];
  readonly bun: string;
  readonly deno: string;
}

/** Installs the programs, once for each set of versions. */
export async function installTools(): Promise<Tools> {
  const nodes = Object.fromEntries(
    nodeVersions.map((version) => [`node-${version}`, `npm:${nodePackage()}@${version}`]),
  );
  const compilers = Object.fromEntries(
    Object.entries(typescriptVersions).map(([name, version]) => [`typescript-${name}`, `npm:typescript@${version}`]),
  );
  const programs = { bun: bunVersion, deno: denoVersion, esbuild: esbuildVersion };
  const dependencies = { ...nodes, ...compilers, ...programs };

  const id = createHash("sha256").update(JSON.stringify(dependencies)).digest("hex").slice(0, 12);
  const folder = join(root, "node_modules/.cache", `packages-tools-${id}`);
  if (!existsSync(folder)) {
    const unfinished = `${folder}-${process.pid}`;
    try {
      await installProject(unfinished, { name: "tools", dependencies, hasScripts: true });
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }

  const modules = join(folder, "node_modules");
  const node = (version: string): string => join(modules, `node-${version}`, "bin", nodeProgram);
  return {
    node,
    tsc: (version) => [process.execPath, join(modules, `typescript-${version}`, "bin/tsc")],
    esbuild: [join(modules, "esbuild/bin/esbuild")],
    bun: join(modules, ".bin/bun"),
    deno: join(modules, ".bin/deno"),
  };
}

/** The package that brings Node for this machine, as in the root's optionalDependencies. */
function nodePackage(): string {
  if (process.platform === "win32") return `node-win-${process.arch}`;
  return `node-${process.platform === "darwin" && process.arch === "arm64" ? "bin-" : ""}${process.platform}-${process.arch}`;
}
