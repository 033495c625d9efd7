import { join } from "node:path";
import type ts from "typescript";
import { createCompiler, exportsOf, strictOptions } from "./compiler.ts";
import type { Check } from "./finding.ts";
import { packageEntries } from "./package-entries.ts";
import { fromRoot, root } from "./repository.ts";

/** Every name that a package exports has a docstring where it is declared. */
export function checkDocstrings(): Check[] {
  const files = packageEntries().map(({ source }) => join(root, source));
  const program = createCompiler(strictOptions())(files);
  const checker = program.getTypeChecker();
  // One thing may be exported by several entries.
  const symbols = new Set(files.flatMap((file) => [...exportsOf(program, file).values()].map(({ symbol }) => symbol)));

  return [...symbols].map((symbol) => {
    if (symbol.getDocumentationComment(checker).length > 0) return [];
    const declaration = symbol.declarations?.[0];
    return declaration ? [undocumented(symbol.name, declaration)] : [];
  });
}

function undocumented(name: string, declaration: ts.Declaration): Check[number] {
  const source = declaration.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(declaration.getStart(source));
  return { file: fromRoot(source.fileName), line: line + 1, message: `${name} is exported and has no docstring.` };
}
