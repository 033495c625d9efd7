// A plugin of TypeDoc: modules are called as they are imported, and links reach what another entry exports.
import { join } from "node:path";
import { type Application, Converter, type ProjectReflection, type Reflection } from "typedoc";
import { packageEntries } from "./package-entries.ts";
import { root } from "./repository.ts";

export function load({ converter }: Application): void {
  const specifiers = new Map(packageEntries().map(({ source, specifier }) => [join(root, source), specifier]));
  converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const entry of project.children ?? []) {
      entry.name = specifiers.get(entry.sources?.[0]?.fullFileName ?? "") ?? entry.name;
    }
  });
  converter.addUnknownSymbolResolver(({ symbolReference }, from, link) => {
    const path = symbolReference?.path?.map(({ path: name }) => name) ?? [];
    const target = findIn(from.project, path);
    if (link?.kind === "inline-tag" && target) Object.assign(link, { target });
    return undefined;
  });
}

function findIn({ children = [] }: ProjectReflection, path: readonly string[]): Reflection | undefined {
  if (path.length === 0) return undefined;
  return children.map((entry) => entry.getChildByName([...path])).find((found) => found !== undefined);
}
