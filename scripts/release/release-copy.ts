import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../docs/repository.ts";
import { publicPackages } from "../packages/manifests.ts";
import { runOrThrow } from "../packages/run.ts";
import type { Registry } from "./registry.ts";

export type Bump = "patch" | "minor" | "major";

/** A copy of the repository in which versions are made and published, so that nothing of it stays in the real one. */
export interface ReleaseCopy {
  readonly folder: string;
  writeChangeset(name: string, bumps: Readonly<Record<string, Bump>>): Promise<void>;
  changeset(...args: readonly string[]): Promise<string>;
  /** Versions and changelogs from the changesets, and the lock file; a commit; then everything npm does not have. */
  release(registry: Registry): Promise<void>;
  versionOf(shortName: string): Promise<string>;
  git(...args: readonly string[]): Promise<string>;
}

/** What is committed is released, as by the workflow; what is built stands for what the workflow would build. */
export async function copyForRelease(base: string): Promise<ReleaseCopy> {
  const folder = join(base, "copy");
  await runOrThrow(["git", "clone", "--quiet", "--local", root, folder], { cwd: base });
  await symlink(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  for (const { folder: built, shortName } of publicPackages()) {
    await cp(join(built, "dist"), join(folder, "packages", shortName, "dist"), { recursive: true });
  }
  const identity = [
    "-c",
    "user.name=rehearsal",
    "-c",
    "user.email=rehearsal@example.invalid",
    "-c",
    "commit.gpgsign=false",
  ];
  const git = (...args: readonly string[]): Promise<string> =>
    runOrThrow(["git", ...identity, ...args], { cwd: folder });
  const cli = [process.execPath, join(root, "node_modules/@changesets/cli/bin.js")];
  const changeset = (...args: readonly string[]): Promise<string> => runOrThrow([...cli, ...args], { cwd: folder });
  await git("checkout", "--quiet", "-B", "main");

  return {
    folder,
    git,
    changeset,
    async writeChangeset(name, bumps) {
      const lines = Object.entries(bumps).map(([shortName, bump]) => `"@acme/${shortName}": ${bump}`);
      const text = `---\n${lines.join("\n")}\n---\n\nA change that the rehearsal makes up.\n`;
      await writeFile(join(folder, ".changeset", `${name}.md`), text);
    },
    async release({ forPublishing }) {
      await changeset("version");
      await runOrThrow([process.execPath, join(root, "scripts/release/keep-peer-ranges.ts")], { cwd: folder });
      const lock = ["npm", "install", "--package-lock-only", "--prefer-offline", "--ignore-scripts"];
      await runOrThrow(lock, { cwd: folder });
      const checkLock = [process.execPath, join(root, "scripts/check-lock.ts"), join(folder, "package-lock.json")];
      await runOrThrow(checkLock, { cwd: folder });
      await git("commit", "--quiet", "--no-verify", "--all", "--message", "Version packages");
      const env = {
        ...forPublishing,
        GIT_COMMITTER_NAME: "rehearsal",
        GIT_COMMITTER_EMAIL: "rehearsal@example.invalid",
      };
      await runOrThrow([...cli, "publish"], { cwd: folder, env });
    },
    async versionOf(shortName) {
      const manifest = await readFile(join(folder, "packages", shortName, "package.json"), "utf8");
      return (JSON.parse(manifest) as { version: string }).version;
    },
  };
}
