import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { type BlockModule, type NameKind, toBlockModule } from "./block-module.ts";
import type { CodeBlock } from "./code-block.ts";
import { createCompiler, exportsOf, strictOptions } from "./compiler.ts";
import type { Check } from "./finding.ts";
import { packageEntries } from "./package-entries.ts";
import { root } from "./repository.ts";

interface Origin {
  readonly module: string;
  readonly kind: NameKind;
}

interface WrittenBlock extends CodeBlock {
  readonly path: string;
  readonly isAugmenting: boolean;
}

const world = join(import.meta.dirname, "world.ts");

/** Compiles each block as a module that imports what it uses and does not declare. */
export function compileBlocks(blocks: readonly CodeBlock[]): Check[] {
  // An example shows; it need not use all that it declares.
  const options = { ...strictOptions(), noUnusedLocals: false, noUnusedParameters: false };
  const compile = createCompiler(options);
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  // Inside the repository, so that its packages are found from there.
  const folder = mkdtempSync(join(cache, "check-docs-"));
  try {
    const written = writeBlocks(blocks, folder, knownNames(compile));
    const together = compile(written.filter((block) => !block.isAugmenting).map(({ path }) => path));
    return written.map((block) => findingsIn(block, block.isAugmenting ? compile([block.path]) : together));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeBlocks(blocks: readonly CodeBlock[], folder: string, known: ReadonlyMap<string, Origin>): WrittenBlock[] {
  const declaredBefore = new Map<string, Map<string, Origin>>();
  return blocks.map((block, index) => {
    const path = join(folder, `block-${index}.mts`);
    const blockModule: BlockModule = toBlockModule(block.code);
    const earlier = declaredBefore.get(block.document) ?? new Map<string, Origin>();
    const originOf = (name: string): Origin | undefined => earlier.get(name) ?? known.get(name);
    writeFileSync(
      path,
      blockModule.text((names) => importsOf(names, originOf)),
    );
    const added = [...blockModule.declared].map(([name, kind]) => [name, { module: path, kind }] as const);
    declaredBefore.set(block.document, new Map([...earlier, ...added]));
    return { ...block, path, isAugmenting: blockModule.isAugmenting };
  });
}

function importsOf(names: ReadonlySet<string>, originOf: (name: string) => Origin | undefined): string {
  return [...names]
    .flatMap((name) => {
      const origin = originOf(name);
      const imported = origin?.kind === "type" ? `type ${name}` : name;
      return origin ? [`import { ${imported} } from ${JSON.stringify(origin.module)};`] : [];
    })
    .join(" ");
}

/** The names of the reader's world, and those that exactly one of the packages exports. */
function knownNames(compile: (files: readonly string[]) => ts.Program): Map<string, Origin> {
  const entries = packageEntries().map(({ specifier, types }) => ({ module: specifier, file: join(root, types) }));
  const sources = [...entries, { module: world, file: world }];
  const program = compile(sources.map(({ file }) => file));

  const known = new Map<string, Origin>();
  const symbols = new Map<string, ts.Symbol>();
  for (const { module, file } of sources) {
    for (const [name, { symbol, isType }] of exportsOf(program, file)) {
      const isAmbiguous = symbols.has(name) && symbols.get(name) !== symbol;
      symbols.set(name, symbol);
      if (isAmbiguous) known.delete(name);
      else known.set(name, { module, kind: isType ? "type" : "value" });
    }
  }
  return known;
}

function findingsIn({ file, line, path }: WrittenBlock, program: ts.Program): Check {
  const source = program.getSourceFile(path);
  const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  return diagnostics.map(({ messageText, start = 0, code }) => {
    // The first line of the module holds its imports.
    const lineInBlock = (source?.getLineAndCharacterOfPosition(start).line ?? 1) - 1;
    const message = ts.flattenDiagnosticMessageText(messageText, " ").replaceAll(/\s+/g, " ");
    return { file, line: line + Math.max(0, lineInBlock), message: `TS${code}: ${message}` };
  });
}
