import { SourceMap, type SourceMapping, type SourceMapPayload } from "node:module";
import { basename } from "node:path";
import { fileIn, filesIn } from "./read-tarball.ts";

/** What is wrong with the source maps of a tarball: a stack trace and a debugger have to lead to sources one can read. */
export function sourceMapFindings(tarball: string): string[] {
  const files = new Set(filesIn(tarball));
  const built = [...files].filter((file) => /^dist\/.*\.c?js$/.test(file));
  return built.flatMap((file) => {
    const code = fileIn(tarball, file);
    const [, url] = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(code) ?? [];
    if (url === undefined || !files.has(`dist/${url}`)) return [`${file} names no source map of the tarball.`];
    return findingsIn(file, code, JSON.parse(fileIn(tarball, `dist/${url}`)) as SourceMapPayload);
  });
}

function findingsIn(file: string, code: string, payload: SourceMapPayload): string[] {
  const contents = payload.sourcesContent as readonly (string | null)[] | undefined;
  // Graphile Worker, which is in the CommonJS build of jobs, comes without its own.
  const unreadable = payload.sources.filter(
    (source, index) => !source.includes("node_modules/") && (contents?.[index] ?? "") === "",
  );
  if (unreadable.length > 0) return [`${basename(file)}.map lacks the text of ${unreadable.slice(0, 3).join(", ")}.`];
  return throwsLeadToThrows(file, code, payload);
}

function isMapping(entry: object | undefined): entry is SourceMapping {
  return entry !== undefined && "originalSource" in entry;
}

/** Where our code throws is where somebody will look. */
function throwsLeadToThrows(file: string, code: string, payload: SourceMapPayload): string[] {
  const map = new SourceMap(payload);
  const wrong = code.split("\n").flatMap((line, index) => {
    const column = line.indexOf("throw new ");
    const entry = column === -1 ? undefined : map.findEntry(index, column);
    if (!isMapping(entry) || !entry.originalSource.includes("/src/")) return [];
    if (entry.originalSource.includes("node_modules/")) return [];
    const source = payload.sourcesContent[payload.sources.indexOf(entry.originalSource)];
    const isRight = source?.split("\n")[entry.originalLine]?.includes("throw") === true;
    return isRight ? [] : [`line ${index + 1}`];
  });
  return wrong.length === 0
    ? []
    : [`${file}: what is thrown in ${wrong.slice(0, 3).join(", ")} leads to another place.`];
}
