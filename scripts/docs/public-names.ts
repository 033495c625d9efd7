import { join } from "node:path";
import ts from "typescript";
import { createCompiler, exportsOf, strictOptions } from "./compiler.ts";
import { packageEntries } from "./package-entries.ts";
import { fromRoot, root } from "./repository.ts";

/** A name that a package exports, or a method of one. */
export interface PublicName {
  /** Such as `Jobs.startWorker`. */
  readonly name: string;
  readonly symbol: ts.Symbol;
  readonly declaration: ts.Declaration;
  /** What it is a method of. */
  readonly owner: ts.Symbol | undefined;
  readonly isCallable: boolean;
}

/** All that the packages export, each once, and the checker that knows them. */
export function publicNames(): { readonly names: readonly PublicName[]; readonly checker: ts.TypeChecker } {
  const files = packageEntries().map(({ source }) => join(root, source));
  const program = createCompiler(strictOptions())(files);
  const checker = program.getTypeChecker();
  const symbols = new Set(files.flatMap((file) => [...exportsOf(program, file).values()].map(({ symbol }) => symbol)));
  const names = [...symbols].flatMap((symbol) => {
    const one = toName(checker, symbol);
    return one ? [one, ...methodsOf(checker, one)] : [];
  });
  return { names, checker };
}

function toName(checker: ts.TypeChecker, symbol: ts.Symbol, owner?: ts.Symbol): PublicName | undefined {
  // An interface and the value of the same name share one docblock: that of the first of them that has one.
  const declarations = symbol.declarations ?? [];
  const declaration = declarations.find((one) => ts.getJSDocCommentsAndTags(one).length > 0) ?? declarations[0];
  if (declaration === undefined) return undefined;
  const name = owner === undefined ? symbol.name : `${owner.name}.${symbol.name}`;
  return { name, symbol, declaration, owner, isCallable: isCallable(checker, symbol, declaration) };
}

function isCallable(checker: ts.TypeChecker, symbol: ts.Symbol, declaration: ts.Declaration): boolean {
  if (symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Method)) return true;
  return (
    ts.isVariableDeclaration(declaration) &&
    checker.getTypeOfSymbolAtLocation(symbol, declaration).getCallSignatures().length > 0
  );
}

function methodsOf(checker: ts.TypeChecker, { symbol }: PublicName): PublicName[] {
  const members = [...(symbol.members?.values() ?? [])].filter(({ flags }) => flags & ts.SymbolFlags.Method);
  return members
    .map((member) => toName(checker, member, symbol))
    .filter((one) => one !== undefined)
    .filter(({ name, declaration }) => !name.includes(".__") && !isHidden(declaration));
}

function isHidden(declaration: ts.Declaration): boolean {
  const flags = ts.getCombinedModifierFlags(declaration);
  return (flags & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0;
}

export function placeOf({ declaration }: PublicName): { readonly file: string; readonly line: number } {
  const source = declaration.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(declaration.getStart(source));
  return { file: fromRoot(source.fileName), line: line + 1 };
}
