import { basename } from "node:path";
import type { Check } from "./finding.ts";
import { filesMatching, read } from "./repository.ts";

const index = "docs/decisions/README.md";

/** Each decision is in the list of them, by its number and title. */
export function checkDecisions(): Check[] {
  const listed = read(index).split("\n");
  return filesMatching("docs/decisions/0*.md").map((file) => {
    const [, number, title] = /^# (\d+)\. (.+)$/m.exec(read(file)) ?? [];
    const entry = `${number}. [${title}](${basename(file)})`;
    return listed.includes(entry) ? [] : [{ file: index, line: 1, message: `has no line "${entry}".` }];
  });
}
