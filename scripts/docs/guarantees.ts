import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Check } from "./finding.ts";
import { read, root } from "./repository.ts";

const files = ["docs/guarantees.md", "docs/hazards.md", "docs/failover.md"];
const testLine = /^(?:-|\d+\.) "(?<title>.+)" — \[[^\]]+\]\((?<target>[^)]+)\)/;

/** Each promise, hazard and failover names the tests that try to break it: they must be there, under that title. */
export function checkGuarantees(): readonly Check[] {
  return files.flatMap((file) => {
    const checks = checkFile(file);
    return checks.length > 0 ? checks : [[{ file, line: 1, message: "names no tests" }]];
  });
}

function checkFile(file: string): Check[] {
  const lines = read(file).split("\n");
  return lines.flatMap((text, index) => {
    const { title, target } = testLine.exec(text)?.groups ?? {};
    if (title === undefined || target === undefined) return [];
    const message = `${target} has no test "${title}".`;
    return [hasTest(join("docs", target), title) ? [] : [{ file, line: index + 1, message }]];
  });
}

/** As a whole, between quotes: a part of a title would go on being found when the test has gone. */
function hasTest(file: string, title: string): boolean {
  if (!existsSync(join(root, file))) return false;
  const text = read(file);
  return [`"${title}"`, `\`${title}\``, `: ${title}\``].some((quoted) => text.includes(quoted));
}
