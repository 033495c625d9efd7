import { run } from "../packages/run.ts";
import type { Registry } from "./registry.ts";

/** What the registry says of `latest` and `next`. */
export async function assertTags({ url }: Registry, expected: Readonly<Record<string, string>>): Promise<void> {
  const answer = await fetch(`${url}@acme%2fjobs`);
  const { "dist-tags": tags } = (await answer.json()) as { "dist-tags": Record<string, string> };
  for (const [tag, version] of Object.entries(expected)) {
    if (tags[tag] !== version) throw new Error(`The tag ${tag} is ${tags[tag]}, not ${version}.`);
  }
}

/** A lock file or a manifest with the address of a registry that is gone would break every install after it. */
export async function assertUnnamed(folder: string, { url }: Registry): Promise<void> {
  const { host } = new URL(url);
  const { succeeded, output } = await run(["git", "grep", "--all-match", "-l", "-F", host], { cwd: folder });
  if (succeeded) throw new Error(`The address of the registry is in files that are committed:\n${output}`);
}
