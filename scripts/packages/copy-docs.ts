// Run by prepack in the folder of a package: puts the documents of this version into it, so that they are at hand where it is
// installed. What they link to beyond those leads to the repository.
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { filesMatching, root } from "../docs/repository.ts";
import { blobUrl } from "./repository-links.ts";

const target = join(process.cwd(), "docs");
const copied = filesMatching("docs/{errors,failover,glossary,guarantees,releases,runbook}.md", "docs/guides/**/*.md");

await rm(target, { recursive: true, force: true });
for (const file of copied) {
  const text = await readFile(join(root, file), "utf8");
  const copy = join(process.cwd(), file);
  await mkdir(dirname(copy), { recursive: true });
  await writeFile(
    copy,
    text.replaceAll(/(\]\(<?)([^)\s>]+)/g, (_all, before: string, link: string) => before + reachable(file, link)),
  );
}

function reachable(file: string, link: string): string {
  if (/^(?:[a-z][a-z+.-]*:|#)/i.test(link)) return link;
  const [path = "", anchor] = link.split("#");
  const linked = relative(".", join(dirname(file), path));
  if (copied.includes(linked) || !existsSync(join(root, linked))) return link;
  return `${blobUrl}/${linked}${anchor === undefined ? "" : `#${anchor}`}`;
}
