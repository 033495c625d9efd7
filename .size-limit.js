// What an import of each entry costs: our own code, bundled, minified and compressed.
// A budget is raised on purpose, in the commit that needs it.
const budgets = {
  "domain-events": {
    index: "21 kB",
    conformance: "41 kB",
    knex: "4.5 kB",
    map: "23 kB",
    pg: "4.5 kB",
    testing: "21.5 kB",
    vitest: "7.5 kB",
  },
  nestjs: { index: "3.5 kB" },
  "test-database": { index: "9 kB", jest: "8 kB", vitest: "8 kB" },
  jobs: { index: "49 kB", testing: "26 kB", vitest: "6.5 kB" },
};

/** A part behind import() costs nothing before it is used. */
const withoutWhatIsLoadedLater = {
  name: "without-what-is-loaded-later",
  setup: ({ onResolve }) =>
    onResolve({ filter: /.*/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "later", external: true } : undefined,
    ),
};

export default Object.entries(budgets).flatMap(([workspace, entries]) =>
  Object.entries(entries).map(([entry, limit]) => ({
    name: entry === "index" ? `@acme/${workspace}` : `@acme/${workspace}/${entry}`,
    path: `packages/${workspace}/dist/${entry}.js`,
    limit,
    modifyEsbuildConfig: (config) => ({
      ...config,
      platform: "node",
      packages: "external",
      logLevel: "error",
      plugins: [withoutWhatIsLoadedLater],
    }),
  })),
);
