import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Check } from "./finding.ts";
import { headingsOf, markdownFiles, type MarkdownLine, proseOf } from "./markdown.ts";
import { root } from "./repository.ts";

const patterns = [/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g, /^\[[^\]]+\]:\s+(\S+)/g, /(?:src|href)="([^"]+)"/g];

/** Follows the links between files of the repository, anchors included. */
export function checkLinks(): Check[] {
  return markdownFiles().flatMap((file) =>
    proseOf(file).flatMap((line) =>
      targetsIn(line).map((target) => {
        const problem = follow(file, target);
        return problem === undefined ? [] : [{ file, line: line.number, message: problem }];
      }),
    ),
  );
}

function targetsIn({ text }: MarkdownLine): string[] {
  const prose = text.replaceAll(/`[^`]*`/g, "");
  const targets = patterns.flatMap((pattern) => [...prose.matchAll(pattern)].map(([, target]) => target ?? ""));
  return targets.filter((target) => !/^[a-z][a-z+.-]*:/i.test(target));
}

function follow(file: string, target: string): string | undefined {
  const [path = "", anchor] = target.split("#");
  const linked = path === "" ? file : join(dirname(file), decodeURI(path));
  if (!existsSync(join(root, linked))) return `The link to ${target} leads nowhere.`;
  if (anchor === undefined || !linked.endsWith(".md")) return undefined;
  const isThere = headingsOf(linked).some((heading) => heading.anchor === anchor);
  return isThere ? undefined : `${linked} has no heading for #${anchor}.`;
}
