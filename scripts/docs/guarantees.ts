import { join } from "node:path";
import type { Check, Finding } from "./finding.ts";
import { read } from "./repository.ts";

const file = "docs/guarantees.md";
const testLine = /^- "(?<title>.+)" — \[[^\]]+\]\((?<target>[^)]+)\)/;

/** Each promise names the tests that try to break it: they must be there, under that title. */
export function checkGuarantees(): readonly Check[] {
  const lines = read(file).split("\n");
  const checks = lines.flatMap((text, index) => {
    const named = testLine.exec(text)?.groups;
    if (named === undefined) return [];
    const { title = "", target = "" } = named;
    const isThere = read(join("docs", target)).includes(title);
    const missing: Finding = { file, line: index + 1, message: `${target} has no test "${title}".` };
    return [isThere ? [] : [missing]];
  });
  return checks.length > 0 ? checks : [[{ file, line: 1, message: "names no tests" }]];
}
