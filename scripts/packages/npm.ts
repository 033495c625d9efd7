import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runOrThrow } from "./run.ts";

export type Dependencies = Readonly<Record<string, string>>;

export interface NewProject {
  readonly name: string;
  readonly type?: "module" | "commonjs";
  readonly dependencies: Dependencies;
  readonly overrides?: Dependencies;
  /** Their install scripts run: for programs, never for what is under test. */
  readonly hasScripts?: boolean;
}

/** Makes a folder with a manifest, and lets npm install what that asks for. What the cache of npm has is not fetched again. */
export async function installProject(folder: string, project: NewProject): Promise<void> {
  const { name, type = "module", dependencies, overrides = {}, hasScripts = false } = project;
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ name, private: true, type, dependencies, overrides }, null, 2),
  );
  const scripts = hasScripts ? [] : ["--ignore-scripts"];
  const install = ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock", ...scripts];
  await runOrThrow(install, { cwd: folder, timeoutMs: 300_000 });
}

/** Packs a package, and returns the tarball. */
export async function pack(folder: string, destination: string): Promise<string> {
  const packing = ["npm", "pack", "--json", "--pack-destination", destination];
  const output = await runOrThrow(packing, { cwd: folder });
  const [, file] = /"filename":\s*"([^"]+)"/.exec(output) ?? [];
  if (file === undefined) throw new Error(`npm pack named no file: ${output}`);
  return join(destination, file.replace(/^@/, "").replace("/", "-"));
}
