import ts from "typescript";
import { codesOfPackages } from "./error-codes.ts";
import type { Check } from "./finding.ts";
import { placeOf, type PublicName, publicNames } from "./public-names.ts";
import { filesMatching, read } from "./repository.ts";

/** Every export says what it is for, what it throws, and is seen in an example; every code is named. */
export function checkExports(): Check[] {
  const { names, checker } = publicNames();
  const shown = shownSymbols(names, checker);
  return [...names.map((one) => checkName(one, { checker, shown })), ...unnamedCodes()];
}

interface Known {
  readonly checker: ts.TypeChecker;
  readonly shown: ReadonlySet<ts.Symbol>;
}

function checkName(one: PublicName, { checker, shown }: Known): Check {
  const prose = ts.displayPartsToString(one.symbol.getDocumentationComment(checker)).trim();
  const problems = [
    ...(/\S+ .*[.:`|)]$/s.test(prose) ? [] : ["has no sentence that says what it is for"]),
    ...(!one.isCallable || saysWhatItThrows(one) ? [] : ['says nothing of what it throws: "@throws Nothing." if so']),
    ...(one.owner !== undefined || shown.has(one.symbol) ? [] : ["is in no example, nor part of what is in one"]),
  ];
  return problems.map((problem) => ({ ...placeOf(one), message: `${one.name} ${problem}.` }));
}

function saysWhatItThrows({ symbol, owner }: PublicName): boolean {
  return [symbol, owner].some((one) => one?.getJsDocTags().some(({ name }) => name === "throws"));
}

/** What has an example, and all that its signature and its links name, and what these name. */
function shownSymbols(names: readonly PublicName[], checker: ts.TypeChecker): Set<ts.Symbol> {
  const byName = new Map(names.map((one) => [one.name, one.symbol]));
  const hasExample = names.filter(({ symbol }) => symbol.getJsDocTags().some(({ name }) => name === "example"));
  const waiting = hasExample.flatMap(({ symbol, owner }) => (owner ? [symbol, owner] : [symbol]));
  const shown = new Set<ts.Symbol>();
  for (let symbol = waiting.pop(); symbol !== undefined; symbol = waiting.pop()) {
    if (shown.has(symbol)) continue;
    shown.add(symbol);
    for (const declaration of symbol.declarations ?? []) waiting.push(...namedIn(declaration, checker, byName));
  }
  return shown;
}

function namedIn(declaration: ts.Declaration, checker: ts.TypeChecker, byName: ReadonlyMap<string, ts.Symbol>) {
  const found: ts.Symbol[] = [];
  const add = (name: ts.Node): void => {
    const symbol = checker.getSymbolAtLocation(name);
    const target = symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const known = target ?? byName.get(name.getText());
    if (known) found.push(known);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node)) add(node.typeName);
    else if (ts.isExpressionWithTypeArguments(node)) add(node.expression);
    else if (ts.isTypeQueryNode(node)) add(node.exprName);
    else if (ts.isJSDocLink(node) && node.name) add(node.name);
    // The code of a function is no part of what it shows.
    if (!ts.isBlock(node)) ts.forEachChild(node, visit);
  };
  visit(declaration);
  for (const docblock of ts.getJSDocCommentsAndTags(declaration)) visit(docblock);
  return found;
}

/** A code that no docblock names is one that no reader can expect. */
function unnamedCodes(): Check[] {
  return codesOfPackages().map(({ name, file, line }) => {
    const sources = filesMatching(file.replace("errors.ts", "**/*.ts"));
    const isNamed = sources.some((source) => docblocksOf(source).some((text) => text.includes(`\`${name}\``)));
    return isNamed ? [] : [{ file, line, message: `${name} is named by no docblock.` }];
  });
}

function docblocksOf(file: string): string[] {
  return [...read(file).matchAll(/\/\*\*[\s\S]*?\*\//g)].map(([text]) => text);
}
