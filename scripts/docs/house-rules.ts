import type { Check } from "./finding.ts";
import { filesMatching, read } from "./repository.ts";

interface Rule {
  /** In which sources it holds. */
  readonly holdsIn: (file: string) => boolean;
  readonly pattern: RegExp;
  readonly message: string;
}

const rules: readonly Rule[] = [
  {
    holdsIn: () => true,
    pattern: /\*\/\s*\/\*\*/g,
    message: "has two docblocks in a row: the first belongs to nothing.",
  },
  {
    holdsIn: (file) => file.startsWith("packages/jobs/src/") && !file.startsWith("packages/jobs/src/graphile/"),
    pattern: /(?:"graphile-worker"|\bgraphile_worker\.)/g,
    message: "knows Graphile Worker; only packages/jobs/src/graphile does.",
  },
  {
    holdsIn: () => true,
    pattern: /from "(?:\.\.?\/)+(?:testing\/)?(?:index|knex|pg|vitest)\.ts"/g,
    message: "imports an entry. Import the file that declares it.",
  },
];

/** What lint cannot say of the sources of the packages. */
export function checkHouseRules(): Check[] {
  return filesMatching("packages/*/src/**/*.ts").map((file) => {
    const text = read(file);
    return rules
      .filter(({ holdsIn }) => holdsIn(file))
      .flatMap(({ pattern, message }) =>
        [...text.matchAll(pattern)].map(({ index }) => ({ file, line: lineAt(text, index), message })),
      );
  });
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
