import { filesMatching, read } from "./repository.ts";

export interface MarkdownLine {
  /** Counted from 1. */
  readonly number: number;
  readonly text: string;
}

export interface Heading extends MarkdownLine {
  readonly level: number;
  /** What follows `#` in a link to it, as GitHub makes it. */
  readonly anchor: string;
}

export interface Fence {
  /** Of the first line of code, counted from 1. */
  readonly line: number;
  /** What stands behind the opening backticks, such as `ts`. */
  readonly info: string;
  readonly code: string;
}

/** The documents that are written by hand. */
export function markdownFiles(): string[] {
  return filesMatching("*.md", "docs/**/*.md", "packages/*/README.md", "examples/*/README.md", ".changeset/*.md");
}

export function fencesOf(file: string): Fence[] {
  return parse(file).fences;
}

/** The lines outside of fences. */
export function proseOf(file: string): MarkdownLine[] {
  return parse(file).prose;
}

export function headingsOf(file: string): Heading[] {
  const used = new Map<string, number>();
  return proseOf(file).flatMap(({ number, text }) => {
    const [, marks, title] = /^(#{1,6})\s+(.*?)\s*$/.exec(text) ?? [];
    if (marks === undefined || title === undefined) return [];
    const slug = slugOf(title);
    const count = used.get(slug) ?? 0;
    used.set(slug, count + 1);
    return [{ number, level: marks.length, text: title, anchor: count === 0 ? slug : `${slug}-${count}` }];
  });
}

export function slugOf(title: string): string {
  return title
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

function parse(file: string): { fences: Fence[]; prose: MarkdownLine[] } {
  const fences: Fence[] = [];
  const prose: MarkdownLine[] = [];
  let open:
    { readonly marks: string; readonly info: string; readonly line: number; readonly code: string[] } | undefined;

  for (const [index, text] of read(file).split("\n").entries()) {
    const [, marks, info] = /^\s*(`{3,}|~{3,})\s*(.*?)\s*$/.exec(text) ?? [];
    if (open === undefined && marks !== undefined) open = { marks, info: info ?? "", line: index + 2, code: [] };
    else if (open === undefined) prose.push({ number: index + 1, text });
    else if (marks?.startsWith(open.marks) && info === "") {
      fences.push({ line: open.line, info: open.info, code: open.code.join("\n") });
      open = undefined;
    } else open.code.push(text);
  }
  return { fences, prose };
}
