// Usage: node scripts/check-regexps.ts [FILE …]
// A regular expression that backtracks on and on freezes the process with a short text: each one in the sources is analysed.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkSync } from "recheck";
import { findRegexps } from "./regexps/find-regexps.ts";

const root = join(import.meta.dirname, "..");
const sources = ["packages/*/src/**/*.ts", "examples/*/src/**/*.ts", "internal/*/src/**/*.ts"];
const files = process.argv.length > 2 ? process.argv.slice(2) : globSync(sources, { cwd: root }).toSorted();
const advice = "or put `// Backtracking: ` and why it does no harm in the line above.";

const seen = files.flatMap((file) =>
  findRegexps(file, readFileSync(join(root, file), "utf8")).map(({ line, regexp, excuse }) => ({
    place: `${file}:${line}`,
    complaint: excuse === undefined ? complaintAbout(regexp) : undefined,
  })),
);
const failed = seen.filter(({ complaint }) => complaint !== undefined);
for (const { place, complaint } of failed) console.log(`${place}: ${complaint}`);
console.log(`${seen.length - failed.length} passed, ${failed.length} failed`);
if (failed.length > 0) process.exitCode = 1;

function complaintAbout(regexp: RegExp | undefined): string | undefined {
  if (!regexp) return `This regular expression is made of what only the running program knows. Write it out, ${advice}`;
  const found = checkSync(regexp.source, regexp.flags, { timeout: 30_000, randomSeed: 0 });
  if (found.status === "safe") return undefined;
  const time = found.status === "vulnerable" ? found.complexity.summary : "unknown";
  return `The time that ${String(regexp)} takes is ${time}. Let no text fit two of its repetitions, scan by hand, ${advice}`;
}
