import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runOrThrow } from "../packages/run.ts";
import { projectDependencies } from "../packages/pins.ts";
import type { Registry } from "./registry.ts";

/** Installs the packages from the registry in a fresh project, as `npm install` does it for a user. */
export async function installReleased(folder: string, registry: Registry, tag = "latest"): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  const others = Object.entries({ ...projectDependencies, knex: "3.3.0", pg: "8.23.1", "@types/pg": "8.23.1" });
  await install(folder, registry, others.map(([name, version]) => `${name}@${version}`).concat(ours(tag)));
}

export function upgrade(folder: string, registry: Registry): Promise<void> {
  return install(folder, registry, ours("latest"));
}

function ours(tag: string): string[] {
  return [`@acme/domain-events@${tag}`, `@acme/jobs@${tag}`];
}

/** The cache would keep what an earlier rehearsal has published under the same version; so this one has its own for us. */
async function install(folder: string, { forInstalling }: Registry, specifiers: readonly string[]): Promise<void> {
  const installing = [
    "npm",
    "install",
    "--prefer-offline",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    ...specifiers,
  ];
  await runOrThrow(installing, { cwd: folder, env: forInstalling, timeoutMs: 300_000 });
}
