import { join } from "node:path";
import { createCompiler, exportsOf, strictOptions } from "../docs/compiler.ts";
import type { NameKind } from "../docs/block-module.ts";

/** Where an example gets a name from that it neither declares nor imports. */
export type ExportedNames = ReadonlyMap<string, { readonly module: string; readonly kind: NameKind }>;

export interface NamedModule {
  readonly module: string;
  /** Its declarations or its source, relative to the project. */
  readonly file: string;
}

/** What exactly one of these modules exports; the last one, the reader's world, wins. */
export function exportedNames(project: string, modules: readonly NamedModule[], world: NamedModule): ExportedNames {
  const program = createCompiler(strictOptions())([...modules, world].map(({ file }) => join(project, file)));
  const names = new Map<string, { module: string; kind: NameKind }>();
  const symbols = new Map<string, unknown>();
  const ambiguous = new Set<string>();
  for (const { module, file } of modules) {
    for (const [name, { isType, symbol }] of exportsOf(program, join(project, file))) {
      if (symbols.has(name) && symbols.get(name) !== symbol) ambiguous.add(name);
      symbols.set(name, symbol);
      names.set(name, { module, kind: isType ? "type" : "value" });
    }
  }
  for (const name of ambiguous) names.delete(name);
  for (const [name, { isType }] of exportsOf(program, join(project, world.file))) {
    names.set(name, { module: world.module, kind: isType ? "type" : "value" });
  }
  return names;
}
