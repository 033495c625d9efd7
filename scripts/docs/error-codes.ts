import ts from "typescript";
import type { Check, Finding } from "./finding.ts";
import { type Heading, headingsOf, proseOf } from "./markdown.ts";
import { filesMatching, read } from "./repository.ts";

const document = "docs/errors.md";

export interface Code {
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

/** The codes of all packages, where they are declared. */
export function codesOfPackages(): Code[] {
  return filesMatching("packages/*/src/errors.ts").flatMap(codesIn);
}

/** Compares the codes of each package with the headings of its section in docs/errors.md, both ways. */
export function checkErrorCodes(): Check[] {
  return filesMatching("packages/*/src/errors.ts").flatMap((file) => {
    const packageName = nameOfPackage(file);
    const codes = codesIn(file);
    const headings = headingsOfSection(packageName);
    const undocumented = codes.map((code) => checkCode(code, packageName, headings));
    const unknown = headings
      .filter(({ text }) => codes.every(({ name }) => name !== text))
      .map(({ text, number }) => [atHeading(number, `${packageName} has no error code ${text}.`)]);
    return [...undocumented, ...unknown];
  });
}

function checkCode({ name, file, line }: Code, packageName: string, headings: readonly Heading[]): Check {
  const heading = headings.find(({ text }) => text === name);
  if (heading === undefined) {
    return [{ file, line, message: `${name} has no heading in the section ${packageName} of ${document}.` }];
  }
  const next = proseOf(document).find(({ number, text }) => number > heading.number && text.trim() !== "");
  if (next && !next.text.startsWith("#")) return [];
  return [atHeading(heading.number, `${name} has no paragraph.`)];
}

/** The literals of the exported type whose name ends in `ErrorCode`. */
function codesIn(file: string): Code[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  const union = source.statements.find(
    (statement) => ts.isTypeAliasDeclaration(statement) && statement.name.text.endsWith("ErrorCode"),
  );
  const codes: Code[] = [];
  const collect = (node: ts.Node): void => {
    if (ts.isStringLiteral(node)) codes.push({ name: node.text, file, line: lineOf(node, source) });
    ts.forEachChild(node, collect);
  };
  if (union) collect(union);
  return codes;
}

function headingsOfSection(title: string): Heading[] {
  const headings = filesMatching(document).flatMap(headingsOf);
  const start = headings.findIndex(({ level, text }) => level === 2 && text === title);
  if (start === -1) return [];
  const rest = headings.slice(start + 1);
  const end = rest.findIndex(({ level }) => level <= 2);
  return end === -1 ? rest : rest.slice(0, end);
}

function nameOfPackage(file: string): string {
  const manifest = JSON.parse(read(file.replace("src/errors.ts", "package.json"))) as { name: string };
  return manifest.name;
}

function lineOf(node: ts.Node, source: ts.SourceFile): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}

function atHeading(line: number, message: string): Finding {
  return { file: document, line, message };
}
