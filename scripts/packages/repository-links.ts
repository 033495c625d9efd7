import { existsSync } from "node:fs";
import { join } from "node:path";
import { headingsOf } from "../docs/markdown.ts";
import { root } from "../docs/repository.ts";

export const repositoryUrl = "https://github.com/acme/acme";
export const blobUrl = `${repositoryUrl}/blob/main`;

/** What is wrong with the links of a document that is read outside of the repository; `files` are beside it. */
export function linkFindings(file: string, text: string, files: ReadonlySet<string>): string[] {
  const prose = text.replaceAll(/^(`{3,})[^]*?^\1/gm, "").replaceAll(/`[^`\n]*`/g, "");
  const targets = [...prose.matchAll(/\]\(<?([^)\s>]+)>?\)/g)].map(([, target]) => target ?? "");
  return targets.flatMap((target) => {
    const problem = target.startsWith(repositoryUrl) ? problemInRepository(target) : problemBeside(file, target, files);
    return problem === undefined ? [] : [`${file}: the link to ${target} ${problem}.`];
  });
}

function problemInRepository(target: string): string | undefined {
  if (!/^\/(?:blob|tree)\/main\//.test(target.slice(repositoryUrl.length))) return undefined;
  const [path = "", anchor] = target.slice(blobUrl.length + 1).split("#");
  if (!existsSync(join(root, path))) return "leads to no file of the repository";
  if (anchor === undefined || !path.endsWith(".md")) return undefined;
  return headingsOf(path).some((heading) => heading.anchor === anchor) ? undefined : "has no such heading";
}

function problemBeside(file: string, target: string, files: ReadonlySet<string>): string | undefined {
  if (/^(?:[a-z][a-z+.-]*:|#)/i.test(target)) return undefined;
  const [path = ""] = target.split("#");
  const beside = join(file, "..", path);
  return files.has(beside) ? undefined : "leaves the package";
}
