import { join } from "node:path";
import ts from "typescript";
import { root } from "./repository.ts";

/** The strict options of the repository, and the decorators of NestJS. */
export function strictOptions(): ts.CompilerOptions {
  const file = join(root, "tsconfig.base.json");
  const { config } = ts.readConfigFile(file, ts.sys.readFile) as { config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  return { ...options, experimentalDecorators: true, erasableSyntaxOnly: false };
}

/** Makes programs that share what they have parsed. */
export function createCompiler(options: ts.CompilerOptions): (files: readonly string[]) => ts.Program {
  const host = ts.createCompilerHost(options);
  host.getCurrentDirectory = () => root;
  const parse = host.getSourceFile.bind(host);
  const parsed = new Map<string, ts.SourceFile | undefined>();
  host.getSourceFile = (name, ...rest) => {
    if (!parsed.has(name)) parsed.set(name, parse(name, ...rest));
    return parsed.get(name);
  };
  return (files) => ts.createProgram({ rootNames: files, options, host });
}

/** A name that a module exports. */
export interface Exported {
  /** What stands behind aliases. */
  readonly symbol: ts.Symbol;
  /** It can only be imported as a type. */
  readonly isType: boolean;
}

export function exportsOf(program: ts.Program, file: string): Map<string, Exported> {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const fileSymbol = source && checker.getSymbolAtLocation(source);
  const exported = fileSymbol ? checker.getExportsOfModule(fileSymbol) : [];
  return new Map(
    exported.map((one) => {
      const symbol = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one;
      const isType = !(symbol.flags & ts.SymbolFlags.Value) || isExportedAsType(one);
      return [one.name, { symbol, isType }];
    }),
  );
}

/** A class or a namespace is a value, unless it stands in an `export type`. */
function isExportedAsType({ declarations = [] }: ts.Symbol): boolean {
  return declarations.some((one) => ts.isExportSpecifier(one) && (one.isTypeOnly || one.parent.parent.isTypeOnly));
}
