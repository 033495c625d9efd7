import ts from "typescript";
import { join } from "node:path";
import { createCompiler, exportsOf, strictOptions } from "./compiler.ts";
import type { Check } from "./finding.ts";
import { packageEntries } from "./package-entries.ts";
import { filesMatching, fromRoot, root } from "./repository.ts";

/** A docblock stands above what it speaks of: its parameters are there, its links lead somewhere, it names no neighbour. */
export function checkDocblockNames(): Check[] {
  const files = filesMatching("packages/*/src/**/*.ts").map((file) => join(root, file));
  const program = createCompiler(strictOptions())(files);
  const publicNames = new Set(
    packageEntries().flatMap(({ source }) => [...exportsOf(program, join(root, source)).keys()]),
  );
  return files.map((file) => {
    const source = program.getSourceFile(file);
    if (source === undefined) return [];
    const documented = documentedIn(source);
    return [
      ...documented.flatMap((one) => unknownParameters(one)),
      ...documented.flatMap((one) => unresolvedLinks(one, program.getTypeChecker(), publicNames)),
      ...documented.flatMap((one) => namedNeighbours(one, documented)),
    ].map(({ node, message }) => ({ file: fromRoot(file), line: lineOf(node), message }));
  });
}

interface Documented {
  readonly name: string;
  readonly node: ts.Node;
  readonly docblock: ts.JSDoc;
  readonly isTopLevel: boolean;
}

interface Complaint {
  readonly node: ts.Node;
  readonly message: string;
}

function documentedIn(source: ts.SourceFile): Documented[] {
  const found: Documented[] = [];
  const visit = (node: ts.Node): void => {
    const docblock = ts.getJSDocCommentsAndTags(node).findLast((one) => ts.isJSDoc(one));
    const name = nameOf(node);
    if (docblock && name !== undefined) {
      found.push({ name, node, docblock, isTopLevel: node.parent === source });
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  return found;
}

function nameOf(node: ts.Node): string | undefined {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations[0]?.name.getText();
  const { name } = node as { name?: ts.Node };
  return name?.getText();
}

function unknownParameters({ node, docblock }: Documented): Complaint[] {
  if (!ts.isFunctionLike(node)) return [];
  const names = new Set(node.parameters.map(({ name }) => name.getText()));
  const isDestructured = node.parameters.some(({ name }) => !ts.isIdentifier(name));
  const tags: readonly ts.JSDocTag[] = docblock.tags ?? [];
  return tags
    .filter((tag) => ts.isJSDocParameterTag(tag))
    .map((tag) => tag.name.getText().split(".")[0] ?? "")
    .filter((name) => !names.has(name) && !isDestructured)
    .map((name) => ({ node, message: `documents a parameter "${name}" that is not there.` }));
}

function unresolvedLinks(
  { node, docblock }: Documented,
  checker: ts.TypeChecker,
  publicNames: ReadonlySet<string>,
): Complaint[] {
  const links: (ts.JSDocLink | ts.JSDocLinkCode | ts.JSDocLinkPlain)[] = [];
  const visit = (part: ts.Node): void => {
    if (ts.isJSDocLink(part) || ts.isJSDocLinkCode(part) || ts.isJSDocLinkPlain(part)) links.push(part);
    ts.forEachChild(part, visit);
  };
  visit(docblock);
  return links
    .filter(({ name }) => {
      if (name === undefined || checker.getSymbolAtLocation(name)) return false;
      return !publicNames.has(name.getText());
    })
    .map(({ name }) => ({ node, message: `links to ${name?.getText()}, which is not there.` }));
}

/** The text says every word of another name, and none of its own: it has been left behind where that name stood. */
function namedNeighbours({ name, node, docblock, isTopLevel }: Documented, all: readonly Documented[]): Complaint[] {
  if (!isTopLevel) return [];
  const text = docblock.getText().toLowerCase();
  const own = wordsOf(name);
  if (own.some((word) => says(text, word))) return [];
  const firstSentence = /^.*?(?:\.\s|\*\/)/s.exec(text)?.[0] ?? text;
  const neighbour = all.find(({ name: other, isTopLevel: isBeside }) => {
    const words = wordsOf(other);
    return isBeside && other !== name && words.length > 1 && words.every((word) => says(firstSentence, word));
  });
  return neighbour ? [{ node, message: `${name} has a docblock that speaks of ${neighbour.name}.` }] : [];
}

function wordsOf(name: string): string[] {
  return name
    .split(/(?=[A-Z])|[^a-z]/i)
    .map((word) => word.toLowerCase())
    .filter((word) => word.length > 2);
}

/** Whether it is said in any form: "settles", "settling" and "settled" are one word. */
function says(text: string, word: string): boolean {
  return text.includes(word.slice(0, 5));
}

function lineOf(node: ts.Node): number {
  const source = node.getSourceFile();
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}
