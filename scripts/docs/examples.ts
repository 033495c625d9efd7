import type { CodeBlock } from "./code-block.ts";
import { compileBlocks } from "./compile-blocks.ts";
import type { Check } from "./finding.ts";
import { fencesOf, markdownFiles } from "./markdown.ts";
import { filesMatching, read } from "./repository.ts";

/** Compiles the examples in the documents and in the docstrings of the packages. */
export function checkExamples(): Check[] {
  const { blocks, refused, optedOutCount } = blocksInDocuments();
  const examples = filesMatching("packages/*/src/**/*.ts").flatMap(examplesIn);
  const optedOut = Array.from({ length: optedOutCount }, (): Check => []);
  return [...compileBlocks([...blocks, ...examples]), ...refused, ...optedOut];
}

function blocksInDocuments() {
  const blocks: CodeBlock[] = [];
  const refused: Check[] = [];
  let optedOutCount = 0;
  for (const file of markdownFiles()) {
    for (const { line, info, code } of fencesOf(file)) {
      const [language, option, ...reason] = info.split(/\s+/);
      if (language !== "ts") continue;
      if (option === undefined) blocks.push({ file, line, document: file, code });
      else if (option === "no-check" && reason.length > 0) optedOutCount += 1;
      else
        refused.push([{ file, line: line - 1, message: "A ts block is plain `ts`, or `ts no-check` with a reason." }]);
    }
  }
  return { blocks, refused, optedOutCount };
}

/** The `@example` blocks of a source, with or without a fence of their own. */
function examplesIn(file: string): CodeBlock[] {
  const lines = read(file).split("\n");
  return lines.flatMap((text, index) => {
    if (!/^\s*\*\s*@example\b/.test(text)) return [];
    const rest = lines.slice(index + 1);
    const end = rest.findIndex((next) => /^\s*\*(\/|\s*@[a-z])/.test(next));
    const code = rest
      .slice(0, end)
      .map((next) => next.replace(/^\s*\* ?/, ""))
      // A fence is blanked rather than dropped, so that the lines below it keep their numbers.
      .map((next) => (next.startsWith("```") ? "" : next))
      .join("\n");
    return [{ file, line: index + 2, document: `${file}:${index + 1}`, code }];
  });
}
