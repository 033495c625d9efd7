import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectDependencies } from "../packages/pins.ts";
import { runOrThrow } from "../packages/run.ts";
import type { Registry } from "./registry.ts";

const others = { ...projectDependencies, knex: "3.3.0", pg: "8.23.1", "@types/pg": "8.23.1" };

export interface Wanted {
  readonly tag: "latest" | "next";
  /** What the tag has to stand for, by the names of the packages. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Installs the packages from the registry in a fresh project, as `npm install` does it for a user. */
export async function installReleased(folder: string, registry: Registry, wanted: Wanted): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  const specifiers = Object.entries(others).map(([name, version]) => `${name}@${version}`);
  await install(folder, registry, ["--prefer-offline", ...specifiers]);
  await upgrade(folder, registry, wanted);
}

/** Not from the cache, which would know the tag as it was before. */
export async function upgrade(folder: string, registry: Registry, { tag, versions }: Wanted): Promise<void> {
  await install(
    folder,
    registry,
    Object.keys(versions).map((name) => `${name}@${tag}`),
  );
  for (const [name, version] of Object.entries(versions)) {
    const manifest = await readFile(join(folder, "node_modules", name, "package.json"), "utf8");
    const installed = (JSON.parse(manifest) as { version: string }).version;
    if (installed !== version) throw new Error(`${name}@${tag} installed ${installed}, not ${version}.`);
  }
}

async function install(folder: string, { forInstalling }: Registry, specifiers: readonly string[]): Promise<void> {
  const installing = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", ...specifiers];
  await runOrThrow(installing, { cwd: folder, env: forInstalling, timeoutMs: 300_000 });
}
