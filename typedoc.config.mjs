import { packageEntries } from "./scripts/docs/package-entries.ts";

/** @type {Partial<import("typedoc").TypeDocOptions & import("typedoc-plugin-markdown").PluginOptions>} */
export default {
  plugin: ["typedoc-plugin-markdown", "./scripts/docs/api-pages.ts"],
  entryPoints: packageEntries().map(({ source }) => source),
  tsconfig: "tsconfig.json",
  out: "docs/api",
  name: "API",
  readme: "none",
  entryFileName: "index",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  gitRevision: "main",
  sourceLinkTemplate: "https://github.com/acme/acme/blob/main/{path}#L{line}",
  parametersFormat: "table",
  useCodeBlocks: true,
  // The compiler has its own step.
  skipErrorChecking: true,
  treatWarningsAsErrors: true,
  logLevel: "Warn",
};
