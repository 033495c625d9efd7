// Plays a release to its end, on a registry of its own: publish, install, upgrade amid running jobs, prerelease.
import { cp, mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDatabases } from "./packages/databases.ts";
import { runOrThrow } from "./packages/run.ts";
import { publicPackages } from "./packages/manifests.ts";
import { installReleased, upgrade } from "./release/install-released.ts";
import { readExamples } from "./release/read-examples.ts";
import { startRegistry } from "./release/registry.ts";
import { copyForRelease } from "./release/release-copy.ts";
import { assertTags, assertUnnamed } from "./release/traces.ts";
import { deployWhileJobsRun } from "./release/two-versions.ts";

const startedAt = performance.now();
const say = (what: string): void => console.log(`[${((performance.now() - startedAt) / 1000).toFixed(0)} s] ${what}`);
const base = await realpath(await mkdtemp(join(tmpdir(), "rehearsal-")));
try {
  await using databases = await startDatabases();
  await using registry = await startRegistry(base);
  const names = publicPackages().map(({ shortName }) => shortName);
  const copy = await copyForRelease(base);
  const versions = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      await Promise.all(names.map(async (name) => [`@acme/${name}`, await copy.versionOf(name)] as const)),
    );
  const list = async (): Promise<string> =>
    Object.entries(await versions())
      .join(" ")
      .replaceAll(",", " ");

  await copy.release(registry);
  const first = await copy.versionOf("jobs");
  say(`published ${await list()}`);
  const app = join(base, "app");
  await installReleased(app, registry, { tag: "latest", versions: await versions() });
  say(`installed it, and ran ${await readExamples(app, databases)} examples`);

  await copy.writeChangeset("later", Object.fromEntries(names.map((name) => [name, "minor"] as const)));
  await copy.release(registry);
  const second = await copy.versionOf("jobs");
  if (second === first) throw new Error(`The changeset made no version after ${first}.`);
  say(`published ${await list()}`);
  // A deploy is another folder: what runs keeps the files it was started from.
  const nextApp = join(base, "next-app");
  await cp(app, nextApp, { recursive: true });
  await upgrade(nextApp, registry, { tag: "latest", versions: await versions() });
  const deployed = [
    { folder: app, version: first },
    { folder: nextApp, version: second },
  ] as const;
  say(await deployWhileJobsRun(...deployed, await databases.create()));

  const peersBefore = await peersOfJobs(copy.folder);
  await copy.changeset("pre", "enter", "next");
  await copy.writeChangeset("preview", Object.fromEntries(names.map((name) => [name, "minor"] as const)));
  await copy.release(registry);
  const preview = await copy.versionOf("jobs");
  await assertTags(registry, { latest: second, next: preview });
  say(`the prerelease of jobs takes ${await peersOfJobs(copy.folder)}`);
  const previewApp = join(base, "preview-app");
  await installReleased(previewApp, registry, { tag: "next", versions: await versions() });
  say(`published ${await list()} as "next", and ran ${await readExamples(previewApp, databases)} examples`);

  await copy.changeset("pre", "exit");
  await copy.release(registry);
  await assertTags(registry, { latest: await copy.versionOf("jobs") });
  say(`left the prereleases with ${await list()}`);
  const peers = await peersOfJobs(copy.folder);
  if (peers !== peersBefore) throw new Error(`The prereleases have made the peer ranges of jobs ${peers}.`);
  await assertUnnamed(copy.folder, registry);
  say(
    `no committed file names the registry; tags: ${(await runOrThrow(["git", "tag"], { cwd: copy.folder })).trim().split("\n").join(" ")}`,
  );
} finally {
  await rm(base, { recursive: true, force: true });
}

async function peersOfJobs(folder: string): Promise<string> {
  const manifest = await readFile(join(folder, "packages/jobs/package.json"), "utf8");
  return JSON.stringify((JSON.parse(manifest) as { peerDependencies: object }).peerDependencies);
}
