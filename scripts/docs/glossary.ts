import type { Check } from "./finding.ts";
import { filesMatching, read } from "./repository.ts";

const glossary = "docs/glossary.md";
const places = [
  "packages/*/src/**/*.ts",
  "packages/*/test/**/*.ts",
  "internal/*/src/**/*.ts",
  "internal/*/test/**/*.ts",
  "examples/*/src/**/*.ts",
  "examples/*/test/**/*.ts",
  "benchmarks/src/**/*.ts",
  "{packages,examples}/*/README.md",
  "docs/**/*.md",
  "*.md",
];

/** Words that the glossary has replaced stand nowhere else. */
export function checkGlossary(): Check[] {
  const words = replacedWords();
  // As it is written in prose, and as a part of a name.
  const patterns = words.map((word) => ({
    word,
    pattern: new RegExp(`\\b${word.replaceAll(" ", "[ -]?")}s?\\b`, "i"),
  }));
  const files = [...new Set(places.flatMap((place) => filesMatching(place)))].filter((file) => file !== glossary);
  return files.map((file) =>
    read(file)
      .split("\n")
      .flatMap((text, line) =>
        patterns
          .filter(({ pattern }) => pattern.test(text))
          .map(({ word }) => ({ file, line: line + 1, message: `says "${word}", which the glossary has replaced.` })),
      ),
  );
}

/** The last column of the table. */
function replacedWords(): string[] {
  const rows = read(glossary)
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| word "));
  return rows.flatMap((row) => {
    const cells = row.split("|").map((cell) => cell.trim());
    return (cells.at(-2) ?? "").split(", ").filter((word) => /^[a-z ]+$/.test(word));
  });
}
